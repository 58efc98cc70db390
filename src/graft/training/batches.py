"""Batches from the image store: resident pixels, a seeded order, nothing decoded twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft.seeding import derive_seed

if TYPE_CHECKING:
    import torch

    from graft.compute import Compute
    from graft.images.store import ImageStore


@dataclass(frozen=True)
class Batch:
    """Some images of the store.

    Attributes:
        images: float32 (B, 3, H, W) in [0, 1], on the device that computes.
        labels: int64 (B,), on that device.
        indices: int64 (B,), their positions in the image store.
    """

    images: torch.Tensor
    labels: torch.Tensor
    indices: torch.Tensor


class Batches:
    """The images of one split, held as uint8 on the device that computes.

    Args:
        store: The image store.
        split: "train", "validation" or "test".
        batch_size: The most images a batch; batches differ by one image at most.
        compute: Where the images are to lie.
    """

    def __init__(self, store: ImageStore, split: str, batch_size: int, compute: Compute) -> None:
        import numpy as np
        import torch

        positions = store.indices(split)
        # NHWC in the store, seen as NCHW: just the channels-last order that convolutions like.
        pixels = torch.from_numpy(np.ascontiguousarray(store.images[positions]))
        self._pixels = pixels.permute(0, 3, 1, 2).to(compute.device)
        self._labels = torch.from_numpy(store.labels(split)).to(compute.device)
        self._positions = torch.from_numpy(positions).to(compute.device)
        self.batch_size = batch_size

    def __len__(self) -> int:
        """The number of batches."""
        return -(-self.size // self.batch_size)

    @property
    def size(self) -> int:
        """The number of images."""
        return len(self._labels)

    def in_order(self) -> Iterator[Batch]:
        """All images once, in the store's order."""
        import torch

        yield from self._batches(torch.arange(self.size))

    def shuffled(self, seed: int, epoch: int) -> Iterator[Batch]:
        """All images once, in an order that is a function of (seed, epoch)."""
        import torch

        generator = torch.Generator().manual_seed(derive_seed(seed, "order", epoch))
        yield from self._batches(torch.randperm(self.size, generator=generator))

    def _batches(self, order: torch.Tensor) -> Iterator[Batch]:
        for rows in order.to(self._labels.device).tensor_split(max(1, len(self))):
            if len(rows):
                images = self._pixels[rows].float().div_(255)
                yield Batch(images, self._labels[rows], self._positions[rows])
