"""What the sources share whose images come as arrays, all of them in a few files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from graft.images.listing import ImageListing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graft.images.listing import Pixels


class ArrayPart(NamedTuple):
    """The images of one part.

    Attributes:
        split: The part, or None where the source gives none.
        images: uint8 (N, H, W) or (N, H, W, 3).
        targets: N class indices.
    """

    split: str | None
    images: Pixels
    targets: Sequence[int] | NDArray[Any]


def list_arrays(
    name: str, parts: Iterable[ArrayPart], class_names: tuple[str, ...], id_digits: int = 5
) -> ImageListing:
    """A listing of images that are in memory already; their ids are like "train/00007".

    Args:
        name: The source's name, which begins the ids where there are no parts.
        parts: The images.
        class_names: The classes in the order of their indices.
        id_digits: Digits of the number in an id.
    """
    import pandas as pd

    pixels: dict[str, Pixels] = {}
    rows = []
    for part in parts:
        for number, (image, target) in enumerate(zip(part.images, part.targets, strict=True)):
            image_id = f"{part.split or name}/{number:0{id_digits}d}"
            pixels[image_id] = image
            rows.append((image_id, class_names[target], part.split, pixels_state(image)))
    records = pd.DataFrame(rows, columns=["id", "label", "split", "state"])
    return ImageListing(name, records, class_names, pixels.__getitem__)


def pixels_state(pixels: Pixels) -> str:
    """A sign that changes with the pixels: the first 16 digits of their sha256."""
    return hashlib.sha256(pixels.tobytes()).hexdigest()[:16]
