"""What training sees in an epoch: augmented images with their targets, mixed where asked for.

Every view is a function of (seed, epoch, image), whatever batch it comes in. An image that a
balanced epoch shows several times looks different each time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft.images.augmentation.mixing import Mixing, draw_mixing, mix_images, mix_targets
from graft.images.conversion import to_float

if TYPE_CHECKING:
    import torch

    from graft.images.augmentation import Policy
    from graft.training.batches import Batch, Batches

# Small batches are augmented several together: for one alone, calling the operations takes longer
# than the operations themselves. More than this would not stay in a processor's cache.
_BYTES_AT_ONCE = 2**20


@dataclass(frozen=True)
class View:
    """A batch as training sees it.

    Attributes:
        images: uint8 or float32 in [0, 1], (B, 3, H, W), on the device that computes.
        targets: The labels; where images are mixed float32 (B, K), shares that sum to 1, or of a
            multi-label task shares of presence with -1 for not counted.
        labels: The images' own: int64 (B,), or int8 (B, K) with -1 for not counted.
        indices: int64 (B,), the images' positions in the image store, on the CPU.
        partners: int64 (B,), the positions of the images mixed in, on the CPU; None without.
        shares: float32 (B,), each image's own share in its mixture; None without.
    """

    images: torch.Tensor
    targets: torch.Tensor
    labels: torch.Tensor
    indices: torch.Tensor
    partners: torch.Tensor | None = None
    shares: torch.Tensor | None = None

    def split(self, sizes: Sequence[int]) -> Iterator[View]:
        """Smaller batches, one after another."""
        seen = 0
        for size in sizes:
            part = slice(seen, seen + size)
            yield View(
                self.images[part],
                self.targets[part],
                self.labels[part],
                self.indices[part],
                None if self.partners is None else self.partners[part],
                None if self.shares is None else self.shares[part],
            )
            seen += size


@dataclass(frozen=True)
class _Drawn:
    """The images of an epoch in their order.

    Attributes:
        rows: int64 (N,), rows of the split.
        keys: int64 (N,), what each draws its numbers by: its position in the store, or, when it
            comes again, one that no image has.
    """

    rows: torch.Tensor
    keys: torch.Tensor


class TrainingViews:
    """The training images of one run, epoch by epoch.

    Args:
        train: The training images.
        policy: Their augmentation.
        seed: Order, augmentation and mixing follow from it.
        num_classes: The width of soft targets.
        sampling: "shuffled" (each image once an epoch) or "balanced" (as many images, drawn with
            replacement so that every class is equally likely).
    """

    def __init__(
        self,
        train: Batches,
        policy: Policy,
        seed: int,
        num_classes: int,
        sampling: str = "shuffled",
    ) -> None:
        self._train = train
        self._policy = policy
        self._seed = seed
        self._num_classes = num_classes
        self._sampling = sampling

    def __len__(self) -> int:
        """The number of batches an epoch."""
        return len(self._train)

    def epoch(self, number: int, skip: int = 0, rank: int = 0, size: int = 1) -> Iterator[View]:
        """The batches of an epoch, counted from 1, without the first `skip` of them.

        Of several processes, `size`, each gets its share of every batch: shares differ by one image
        at most, and what an image looks like does not depend on them.
        """
        import torch

        drawn = self._draw(number)
        parts = self._train.split_evenly(torch.arange(len(drawn.rows)))[skip:]
        parts = [part.tensor_split(size)[rank] for part in parts]
        together = max(1, _BYTES_AT_ONCE // max(1, self._train.batch_bytes))
        groups = [parts[start : start + together] for start in range(0, len(parts), together)]
        views = self._views(number, drawn, [torch.cat(list(group)) for group in groups])
        for group, view in zip(groups, views, strict=True):
            yield from view.split([len(part) for part in group])

    def look_at(self, indices: torch.Tensor, epoch: int) -> View:
        """How these images look in an epoch; they have to be among those that it shows.

        Args:
            indices: int64 (B,), positions of training images in the image store.
            epoch: Counted from 1.
        """
        drawn = self._draw(epoch)
        shown = self._train.positions[drawn.rows]
        places = (shown == indices[:, None]).int().argmax(dim=1)
        (view,) = self._views(epoch, drawn, [places])
        return view

    def _views(self, epoch: int, drawn: _Drawn, parts: Sequence[torch.Tensor]) -> Iterator[View]:
        """A batch of each part, int64 (B,) places in the epoch's order."""
        import torch

        policy = self._policy
        if not policy.mixes:
            batches = self._train.take([drawn.rows[places] for places in parts])
            for places, batch in zip(parts, batches, strict=True):
                images = policy.apply(batch.images, drawn.keys[places], self._seed, epoch)
                yield View(images, batch.labels, batch.labels, batch.indices)
            return
        mixing = draw_mixing(
            drawn.keys, len(drawn.rows), policy.mixup, policy.cutmix, self._seed, epoch
        )
        # Behind each batch its partners, who look as they do where it is their turn.
        doubled = [torch.cat([places, mixing.partner[places]]) for places in parts]
        batches = self._train.take([drawn.rows[places] for places in doubled])
        for places, both, batch in zip(parts, doubled, batches, strict=True):
            images = policy.apply(batch.images, drawn.keys[both], self._seed, epoch)
            yield self._mix(batch, images, mixing.of(places))

    def _draw(self, epoch: int) -> _Drawn:
        import torch

        if self._sampling == "shuffled":
            rows = self._train.shuffled_rows(self._seed, epoch)
            return _Drawn(rows, self._train.positions[rows])
        rows = self._train.balanced_rows(self._seed, epoch)
        # An image that comes again takes the numbers of an image behind the last of the store.
        ordered, order = rows.sort(stable=True)
        repetition = torch.empty_like(rows)
        repetition[order] = torch.arange(len(rows)) - torch.searchsorted(ordered, ordered)
        return _Drawn(rows, self._train.positions[rows] + repetition * self._train.store_size)

    def _mix(self, batch: Batch, images: torch.Tensor, mixing: Mixing) -> View:
        own, other = to_float(images).chunk(2)
        mixed, shares = mix_images(own, other, mixing)
        labels, other_labels = batch.labels.chunk(2)
        targets = mix_targets(self._soft(labels), self._soft(other_labels), shares)
        indices, partners = batch.indices.chunk(2)
        return View(mixed, targets, labels, indices, partners, shares)

    def _soft(self, labels: torch.Tensor) -> torch.Tensor:
        """Labels as float32 (B, K)."""
        import torch

        if labels.ndim == 2:
            return labels.float()
        return torch.nn.functional.one_hot(labels, self._num_classes).float()
