"""What a source of images hands over: a listing of what there is and a way to read each one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from graft.classes import LABEL_SEPARATOR, split_label

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
            class name; of a multi-label listing any number of them, as `join_labels` writes them),
            `split` ("train", "validation" or "test" as the source gives it, None where it gives no
            parts) and `state` (str, a cheap sign that changes with the image's content). A
            multi-label listing may have `ignored`: classes that are neither present nor absent.
        class_names: The classes in the order of their indices.
        read: From an id to the encoded file's bytes, or to decoded uint8 pixels, (H, W) or
            (H, W, 3). It is called from several threads at once and raises what it likes: the
            image is then quarantined.
        multi_label: Whether an image may show several classes, or none.
    """

    name: str
    records: pd.DataFrame
    class_names: tuple[str, ...]
    read: Callable[[str], bytes | Pixels]
    multi_label: bool = False

    def __post_init__(self) -> None:
        missing = {"id", "label", "split", "state"} - set(self.records.columns)
        if missing:
            raise ValueError(f"Listing '{self.name}': records lack the columns {sorted(missing)}.")
        if not self.records["id"].is_unique:
            first = self.records.loc[self.records["id"].duplicated(), "id"].iloc[0]
            raise ValueError(f"Listing '{self.name}': the id '{first}' occurs twice.")
        if unknown := self._labels() - set(self.class_names):
            raise ValueError(
                f"Listing '{self.name}': labels {sorted(unknown)} are not among its class names."
            )

    def _labels(self) -> set[str]:
        """Every class that a record names."""
        if not self.multi_label:
            return set(self.records["label"])
        if torn := [name for name in self.class_names if LABEL_SEPARATOR in name]:
            raise ValueError(
                f"Listing '{self.name}': the class name '{torn[0]}' of a multi-label task holds "
                f"'{LABEL_SEPARATOR}', which stands between two labels."
            )
        columns = [column for column in ("label", "ignored") if column in self.records]
        texts = set().union(*(self.records[column] for column in columns))
        return {name for text in texts for name in split_label(text)}
