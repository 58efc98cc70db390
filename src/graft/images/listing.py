"""What a source of images hands over: a listing of what there is and a way to read each one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]

PARTS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class ImageListing:
    """The images of a source before any of them is decoded.

    Attributes:
        name: The source's name, for example "digits".
        records: One row an image: `id` (str, unique, stable from machine to machine), `label` (a
            class name) and `split` ("train", "validation" or "test" as the source gives it, None
            where it gives no parts).
        class_names: The classes in the order of their indices.
        read: From an id to the encoded file's bytes, or to decoded uint8 pixels, (H, W) or
            (H, W, 3). It is called from several threads at once and raises what it likes: the
            image is then quarantined.
    """

    name: str
    records: pd.DataFrame
    class_names: tuple[str, ...]
    read: Callable[[str], bytes | Pixels]

    def __post_init__(self) -> None:
        missing = {"id", "label", "split"} - set(self.records.columns)
        if missing:
            raise ValueError(f"Listing '{self.name}': records lack the columns {sorted(missing)}.")
        if not self.records["id"].is_unique:
            first = self.records.loc[self.records["id"].duplicated(), "id"].iloc[0]
            raise ValueError(f"Listing '{self.name}': the id '{first}' occurs twice.")
        unknown = set(self.records["label"]) - set(self.class_names)
        if unknown:
            raise ValueError(
                f"Listing '{self.name}': labels {sorted(unknown)} are not among its class names."
            )


@dataclass(frozen=True)
class SourceSpec:
    """What Graft has to know of a source of images.

    Attributes:
        name: The name that the parameter `source.name` uses.
        title: One line for a list of sources.
        list_images: From the folder of the parameter `source.folder` (or None) and the folder for
            downloads to the listing.
        needs_folder: Whether `source.folder` must be given.
        licence: Under which terms the images may be used, as far as their authors say.
        citation: Whom to cite.
    """

    name: str
    title: str
    list_images: Callable[[Path | None, Path], ImageListing]
    needs_folder: bool = False
    licence: str = ""
    citation: str = ""
