"""Activations of a frozen part of a network in the place of images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft.images.augmentation import Policy
from graft.training.batches import Batch, Batches

if TYPE_CHECKING:
    import torch

    from graft.compute import Compute
    from graft.images.store import ImageStore


class ActivationBatches(Batches):
    """Activations of a split's images: `Batch.images` are float (B, V, …) or (B, …).

    Args:
        store: The image store.
        split: Whose activations they are.
        batch_size: The most images a batch.
        compute: Where the activations are.
        activations: Of all images of the split, (N, V, …) of V views or (N, …).
    """

    def __init__(
        self,
        store: ImageStore,
        split: str,
        batch_size: int,
        compute: Compute,
        activations: torch.Tensor,
    ) -> None:
        super().__init__(store, split, batch_size, compute, resident=False)
        self._activations = activations

    @property
    def batch_bytes(self) -> int:
        """The most bytes that the activations of a batch take."""
        return self.batch_size * self._activations[:1].nbytes

    @property
    def is_resident(self) -> bool:
        """Activations always are held on the device."""
        return True

    def take(self, parts: Sequence[torch.Tensor]) -> Iterator[Batch]:
        """A batch of each part, in turn."""
        for rows in parts:
            here = rows.to(self._device, non_blocking=True)
            activations = self._activations.index_select(0, here)
            yield Batch(activations, self._labels[here], self.positions[rows])


@dataclass(frozen=True)
class ViewsInTurn(Policy):
    """Of several views of an image the one whose turn it is: epoch by epoch, then from the front.

    Attributes:
        store_size: Images in the store: keys behind that are repetitions within an epoch, which
            get the views that follow.
    """

    store_size: int = 1

    def apply(
        self, images: torch.Tensor, indices: torch.Tensor, seed: int, epoch: int
    ) -> torch.Tensor:
        """Activations (B, V, …) to those (B, …) of a view of each."""
        import torch

        turns = (epoch - 1 + indices // self.store_size) % images.shape[1]
        return images[torch.arange(len(images), device=images.device), turns.to(images.device)]
