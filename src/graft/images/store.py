"""The image store: every usable image as one uint8 array, with a table that describes each row."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from graft.images.listing import PARTS

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from graft.images.decode import DecodedImages
    from graft.images.listing import Pixels

    Indices: TypeAlias = NDArray[np.int64]

SPLITS = (*PARTS, "unused")
MANIFEST_COLUMNS = ("id", "label", "class_index", "split", "width", "height", "sha256")


@dataclass(frozen=True, eq=False)
class ImageStore:
    """Decoded images and what is known of them.

    Attributes:
        images: uint8 (N, H, W, 3); may be a memory-mapped file, larger than memory.
        manifest: Row i describes images[i]: `id`, `label`, `class_index`, `split` ("train",
            "validation", "test" or "unused"), `width`, `height` (pixels of the original) and
            `sha256` (of the original).
        class_names: Class i's name at position i.
        source: Name of the source.
    """

    images: Pixels
    manifest: pd.DataFrame
    class_names: tuple[str, ...]
    source: str

    def __post_init__(self) -> None:
        shape = self.images.shape
        if self.images.dtype != np.uint8 or len(shape) != 4 or shape[3] != 3:
            raise ValueError(f"images must be uint8 (N, H, W, 3), not {self.images.dtype} {shape}.")
        if len(self.manifest) != len(self.images):
            raise ValueError(f"{len(self.manifest)} manifest rows for {len(self.images)} images.")
        missing = set(MANIFEST_COLUMNS) - set(self.manifest.columns)
        if missing:
            raise ValueError(f"The manifest lacks the columns {sorted(missing)}.")

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    @property
    def digest(self) -> str:
        """Names these images, at this size, with these labels and parts: 12 hexadecimal digits."""
        found = hashlib.sha256(f"{self.images.shape}".encode())
        for column in ("id", "sha256", "label", "split"):
            found.update("\n".join(self.manifest[column].astype(str)).encode())
        return found.hexdigest()[:12]

    def indices(self, split: str) -> Indices:
        """Positions (int64, ascending) of a part's images."""
        if split not in SPLITS:
            raise ValueError(f"'{split}' is not a part; parts are {', '.join(SPLITS)}.")
        return np.flatnonzero((self.manifest["split"] == split).to_numpy()).astype(np.int64)

    def labels(self, split: str) -> Indices:
        """Class indices (int64) of a part's images, in the order of `indices`."""
        class_indices: Indices = self.manifest["class_index"].to_numpy(dtype=np.int64)
        return class_indices[self.indices(split)]


def build_store(decoded: DecodedImages, splits: pd.Series) -> ImageStore:
    """Join decoded images, their parts and their classes.

    Args:
        decoded: The usable images.
        splits: A part for each row of `decoded.records`, in the same order.

    Raises:
        ValueError: Lengths differ, an id or a class name occurs twice, or a label or a part is
            not known.
    """
    records, class_names = decoded.records, decoded.class_names
    if len(splits) != len(records):
        raise ValueError(f"{len(splits)} parts for {len(records)} images.")
    if len(set(class_names)) < len(class_names):
        raise ValueError(f"A class name occurs twice in {class_names}.")
    if not records["id"].is_unique:
        raise ValueError("An id occurs twice.")
    if unknown := set(records["label"]) - set(class_names):
        raise ValueError(f"Labels {sorted(unknown)} are not among the classes {class_names}.")
    if unknown := set(splits) - set(SPLITS):
        raise ValueError(f"{sorted(unknown)} are not parts; parts are {', '.join(SPLITS)}.")

    index_of = {name: index for index, name in enumerate(class_names)}
    manifest = records.assign(
        class_index=records["label"].map(index_of).astype(np.int64), split=splits.to_numpy()
    )
    return ImageStore(decoded.images, manifest[list(MANIFEST_COLUMNS)], class_names, decoded.source)


def sample_per_class(store: ImageStore, split: str, at_most: int, seed: int) -> Indices:
    """Positions of up to `at_most` images of a part, as many of each class, class by class."""
    rng = np.random.default_rng([seed, at_most])
    positions, labels = store.indices(split), store.labels(split)
    of_each = max(1, at_most // store.num_classes)
    chosen = [
        rng.permutation(positions[labels == index])[:of_each] for index in range(store.num_classes)
    ]
    found: Indices = np.concatenate(chosen)[:at_most]
    return found
