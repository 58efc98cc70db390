"""The image store: every usable image as one uint8 array, with a table that describes each row."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np

from graft.classes import class_indices, label_matrix, split_label
from graft.images.listing import PARTS

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from graft.images.decode import DecodedImages
    from graft.images.listing import Pixels

    Indices: TypeAlias = NDArray[np.int64]
    Labels: TypeAlias = NDArray[np.int64] | NDArray[np.int8]

SPLITS = (*PARTS, "unused")
MANIFEST_COLUMNS = ("id", "label", "split", "width", "height", "sha256")
IGNORED = "ignored"  # one more column of a multi-label manifest


@dataclass(frozen=True, eq=False)
class ImageStore:
    """Decoded images and what is known of them.

    Attributes:
        images: uint8 (N, H, W, 3); may be a memory-mapped file, larger than memory.
        manifest: Row i describes images[i]: `id`, `label` (text, see `graft.classes`), `split`
            ("train", "validation", "test" or "unused"), `width`, `height` (pixels of the original)
            and `sha256` (of the original); of a multi-label task also `ignored` (text like `label`:
            classes that are not counted).
        class_names: Class i's name at position i.
        source: Name of the source.
        multi_label: Whether an image may show several classes, or none.
    """

    images: Pixels
    manifest: pd.DataFrame
    class_names: tuple[str, ...]
    source: str
    multi_label: bool = False

    def __post_init__(self) -> None:
        shape = self.images.shape
        if self.images.dtype != np.uint8 or len(shape) != 4 or shape[3] != 3:
            raise ValueError(f"images must be uint8 (N, H, W, 3), not {self.images.dtype} {shape}.")
        if len(self.manifest) != len(self.images):
            raise ValueError(f"{len(self.manifest)} manifest rows for {len(self.images)} images.")
        if missing := set(_columns(self.multi_label)) - set(self.manifest.columns):
            raise ValueError(f"The manifest lacks the columns {sorted(missing)}.")

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    @property
    def digest(self) -> str:
        """Names the images, their size, labels, parts and classes' order: 12 hexadecimal digits."""
        found = hashlib.sha256(f"{self.images.shape} {self.class_names}".encode())
        ignored = (IGNORED,) if self.multi_label else ()
        for column in ("id", "sha256", "label", "split", *ignored):
            found.update("\n".join(self.manifest[column].astype(str)).encode())
        return found.hexdigest()[:12]

    def indices(self, split: str) -> Indices:
        """Positions (int64, ascending) of a part's images."""
        if split not in SPLITS:
            raise ValueError(f"'{split}' is not a part; parts are {', '.join(SPLITS)}.")
        return np.flatnonzero((self.manifest["split"] == split).to_numpy()).astype(np.int64)

    @cached_property
    def targets(self) -> Labels:
        """The labels of all images: class indices int64 (N,), or of a multi-label task int8 (N, K).

        In the latter 1 stands for present, 0 for absent and -1 for not counted.
        """
        labels = self.manifest["label"]
        if self.multi_label:
            return label_matrix(labels, self.manifest[IGNORED], self.class_names)
        return class_indices(labels, self.class_names)

    def labels(self, split: str) -> Labels:
        """The `targets` of a part's images, in the order of `indices`."""
        return self.targets[self.indices(split)]

    def captions(self, rows: Indices) -> list[str]:
        """What these images show, in words: "dog", or "dog, person"."""
        shown = self.manifest["label"].iloc[rows].tolist()
        return [", ".join(split_label(label)) for label in shown] if self.multi_label else shown


def build_store(decoded: DecodedImages, splits: pd.Series) -> ImageStore:
    """Join decoded images, their parts and their classes.

    Args:
        decoded: The usable images.
        splits: A part for each row of `decoded.records`, in the same order.

    Raises:
        ValueError: Lengths differ, an id or a class name occurs twice, or a part is not known.
    """
    records, class_names = decoded.records, decoded.class_names
    if len(splits) != len(records):
        raise ValueError(f"{len(splits)} parts for {len(records)} images.")
    if len(set(class_names)) < len(class_names):
        raise ValueError(f"A class name occurs twice in {class_names}.")
    if not records["id"].is_unique:
        raise ValueError("An id occurs twice.")
    if unknown := set(splits) - set(SPLITS):
        raise ValueError(f"{sorted(unknown)} are not parts; parts are {', '.join(SPLITS)}.")

    manifest = records.assign(split=splits.to_numpy())
    if decoded.multi_label and IGNORED not in manifest:
        manifest[IGNORED] = ""
    columns = list(_columns(decoded.multi_label))
    # A selection becomes an array when the store is saved; nobody reads pixels before.
    images = cast("Pixels", decoded.images)
    return ImageStore(images, manifest[columns], class_names, decoded.source, decoded.multi_label)


def sample_per_class(store: ImageStore, split: str, at_most: int, seed: int) -> Indices:
    """Positions of up to `at_most` images of a part, as many of each class, class by class.

    An image that shows several classes is taken for the first of them.
    """
    rng = np.random.default_rng([seed, at_most])
    positions, labels = store.indices(split), store.labels(split)
    of_each = max(1, at_most // store.num_classes)
    chosen: dict[int, None] = {}
    for index in range(store.num_classes):
        shown = labels[:, index] == 1 if store.multi_label else labels == index
        members = [p for p in rng.permutation(positions[shown]).tolist() if p not in chosen]
        chosen |= dict.fromkeys(members[:of_each])
    found: Indices = np.array(list(chosen), dtype=np.int64)[:at_most]
    return found


def _columns(multi_label: bool) -> tuple[str, ...]:
    return (*MANIFEST_COLUMNS, IGNORED) if multi_label else MANIFEST_COLUMNS
