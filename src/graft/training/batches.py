"""Batches from the image store: bytes in a seeded order, nothing decoded twice.

A split that fits is held on the device that computes; else each batch is read from the store's
memory-mapped file while the one before is worked on. The batches are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graft.seeding import derive_seed
from graft.training.memory import free_memory

if TYPE_CHECKING:
    import torch

    from graft.compute import Compute
    from graft.images.store import ImageStore, Indices, Labels
    from graft.models.classifier import Classifier

_COPIED_AT_ONCE = 2**28  # bytes; a split is not held twice on its way to the device


@dataclass(frozen=True)
class Batch:
    """Some images of the store.

    Attributes:
        images: uint8 (B, 3, H, W), channels last, on the device that computes.
        labels: int64 (B,), or of a multi-label task int8 (B, K) with -1 for not counted, on that
            device.
        indices: int64 (B,), their positions in the image store, on the CPU.
    """

    images: torch.Tensor
    labels: torch.Tensor
    indices: torch.Tensor


class Batches:
    """The images of one split.

    Attributes:
        positions: int64 (N,), where the images lie in the store, ascending, on the CPU.
        batch_size: As below.

    Args:
        store: The image store.
        split: "train", "validation" or "test".
        batch_size: The most images a batch; batches differ by one image at most.
        compute: Where the images are to lie.
        resident: Whether the split is held on that device. By default it is where it takes at most
            half of the memory that is free there.
    """

    def __init__(
        self,
        store: ImageStore,
        split: str,
        batch_size: int,
        compute: Compute,
        *,
        resident: bool | None = None,
    ) -> None:
        import torch

        positions, labels = store.indices(split), store.labels(split)
        if resident is None:
            size = len(positions) * store.images[:1].nbytes
            resident = size <= free_memory(compute.device) // 2
        self._store = store
        self._device = compute.device
        self._pixels = _held(store.images, positions, compute.device) if resident else None
        self._labels = torch.from_numpy(labels).to(compute.device)
        self.positions = torch.from_numpy(positions)
        self._weights = _balancing_weights(labels)
        self.batch_size = batch_size

    def __len__(self) -> int:
        """The number of batches."""
        return -(-self.size // self.batch_size)

    @property
    def size(self) -> int:
        """The number of images."""
        return len(self.positions)

    @property
    def batch_bytes(self) -> int:
        """The most bytes that the pixels of a batch take."""
        return self.batch_size * self._store.images[:1].nbytes

    @property
    def store_size(self) -> int:
        """The number of images in the whole store."""
        return len(self._store.images)

    @property
    def is_resident(self) -> bool:
        """Whether the pixels are held on the device."""
        return self._pixels is not None

    def in_order(self) -> Iterator[Batch]:
        """All images once, in the store's order."""
        import torch

        return self.take(self.split_evenly(torch.arange(self.size)))

    def shuffled(self, seed: int, epoch: int) -> Iterator[Batch]:
        """All images once, in an order that is a function of (seed, epoch)."""
        return self.take(self.split_evenly(self.shuffled_rows(seed, epoch)))

    def balanced(self, seed: int, epoch: int) -> Iterator[Batch]:
        """As many images with replacement, every class equally likely: see `balanced_rows`."""
        return self.take(self.split_evenly(self.balanced_rows(seed, epoch)))

    def shuffled_rows(self, seed: int, epoch: int) -> torch.Tensor:
        """int64 (N,), each row of the split once, a function of (seed, epoch)."""
        import torch

        generator = torch.Generator().manual_seed(derive_seed(seed, "order", epoch))
        return torch.randperm(self.size, generator=generator)

    def balanced_rows(self, seed: int, epoch: int) -> torch.Tensor:
        """int64 (N,), rows of the split drawn with replacement, a function of (seed, epoch).

        An image's weight is one over the number of images of its class; of several labels the
        rarest counts, and images without any are a class of their own.
        """
        import torch

        generator = torch.Generator().manual_seed(derive_seed(seed, "balanced", epoch))
        drawn = torch.rand(self.size, generator=generator, dtype=torch.float64).numpy()
        bounds = self._weights.cumsum()
        rows = bounds.searchsorted(drawn * bounds[-1:].sum(), side="right")
        return torch.from_numpy(rows.clip(max=max(0, self.size - 1)))

    def split_evenly(self, rows: torch.Tensor) -> Sequence[torch.Tensor]:
        """Rows in as many parts as there are batches, each as large as the others or one less."""
        return [part for part in rows.tensor_split(max(1, len(self))) if len(part)]

    def take(self, parts: Sequence[torch.Tensor]) -> Iterator[Batch]:
        """A batch of each part, in turn.

        Args:
            parts: int64 (B,) each, on the CPU: rows of the split, the first being 0.
        """
        if self._pixels is not None:
            for rows in parts:
                here = rows.to(self._device, non_blocking=True)
                images = self._pixels.index_select(0, here).permute(0, 3, 1, 2)
                yield Batch(images, self._labels[here], self.positions[rows])
            return
        if not parts:
            return
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches") as reader:
            ahead = reader.submit(self._read, parts[0])
            for number, rows in enumerate(parts, start=1):
                images = ahead.result().permute(0, 3, 1, 2)
                if number < len(parts):
                    ahead = reader.submit(self._read, parts[number])
                here = rows.to(self._device, non_blocking=True)
                yield Batch(images, self._labels[here], self.positions[rows])

    def _read(self, rows: torch.Tensor) -> torch.Tensor:
        """Pixels (B, H, W, 3) from the store to the device."""
        import torch

        pixels = torch.from_numpy(np.asarray(self._store.images)[self.positions[rows].numpy()])
        if self._device.startswith("cuda"):
            return pixels.pin_memory().to(self._device, non_blocking=True)
        return pixels.to(self._device)


def images_at_once(model: Classifier, store: ImageStore, compute: Compute) -> int:
    """How many of the store's images a network that only answers is best given."""
    return compute.images_at_once(model.input_size or store.images.shape[1])


def _held(images: np.ndarray, positions: Indices, device: str) -> torch.Tensor:
    """uint8 (N, H, W, 3) on the device; seen as NCHW that is channels last, as networks like it."""
    import torch

    held = torch.empty((len(positions), *images.shape[1:]), dtype=torch.uint8, device=device)
    step = max(1, _COPIED_AT_ONCE // max(1, images[:1].nbytes))
    for start in range(0, len(positions), step):
        part = np.ascontiguousarray(images[positions[start : start + step]])
        held[start : start + step] = torch.from_numpy(part)
    return held


def _balancing_weights(labels: Labels) -> np.ndarray:
    """float64 (N,): how likely each image is to be drawn where classes are to be, not images."""
    if len(labels) == 0:
        return np.zeros(0)
    if labels.ndim == 1:
        return 1 / np.bincount(labels)[labels]
    shown = labels == 1
    shown = np.column_stack([shown, ~shown.any(axis=1)])  # "none of them" is a class, too
    rarity = 1 / np.maximum(1, shown.sum(axis=0))
    weights: np.ndarray = np.where(shown, rarity, 0.0).max(axis=1)
    return weights
