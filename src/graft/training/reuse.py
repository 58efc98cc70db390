"""Features of a frozen backbone, computed once where a training would ask for them in each epoch.

Where all that is trained is the head, the backbone gives the same for an image in every epoch, or,
with augmentation, hardly needs to give more than some views of it. Then the head is trained on
features: same order, same loss, same steps, and the same weights up to rounding.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from graft.images.augmentation import Policy
from graft.images.conversion import to_float
from graft.models.folding import fold_batch_norms
from graft.progress import track
from graft.training.batches import Batch, Batches
from graft.training.head_only import HeadOnly
from graft.training.memory import free_memory
from graft.training.views import TrainingViews

if TYPE_CHECKING:
    import torch
    from torch import nn

    from graft.compute import Compute
    from graft.images.store import ImageStore
    from graft.models.classifier import Classifier
    from graft.training.recipe import TrainingRecipe

logger = logging.getLogger(__name__)

_PROBED = 8  # images that the network's parts are watched with


class TrainingInputs(NamedTuple):
    """What the loop takes: a network, and what is shown to it.

    Attributes:
        model: The classifier, or its head alone.
        views: Of the training images, or of their features.
        validation: The validation images or their features, or None.
        seconds: What it took to compute features.
    """

    model: Classifier
    views: TrainingViews
    validation: Batches | None
    seconds: float = 0.0


def reuse_features(
    model: Classifier,
    store: ImageStore,
    recipe: TrainingRecipe,
    policy: Policy,
    compute: Compute,
    seed: int,
) -> TrainingInputs | None:
    """Compute the features that a training of the head takes, where that gives the same training.

    The log says why they are reused or not.

    Args:
        model: The classifier, frozen as wanted; it is moved to the device.
        store: The images; test images are not touched.
        recipe: Its `cached_views` says how many augmented views of an image stand for all.
        policy: Augmentation of the training images.
        compute: Device and precision.
        seed: Of augmentation.

    Returns:
        None where the backbone has to compute in each epoch.
    """
    if any(True for _ in model.backbone_parameters()):
        if recipe.cached_views is not None:
            _say_no("it is trained, training.cached_views is for a frozen one")
        return None
    if reason := _what_differs_between_epochs(recipe, policy):
        _say_no(reason)
        return None
    compute.place(model)
    batch_size = compute.images_at_once
    train = Batches(store, "train", batch_size, compute)
    found = _watch_head(model, train, compute)
    if isinstance(found, str):
        _say_no(found)
        return None
    sample, dropout = found
    shown = min(recipe.cached_views or 1, recipe.epochs) if policy.operations else 1
    needed = sample[:1].nbytes * (train.size * shown + len(store.indices("validation")))
    if needed > free_memory(compute.device) // 2:
        _say_no(f"they would take {needed / 2**30:.1f} GiB, more than half of what is free")
        return None

    started = time.perf_counter()
    model.eval()
    network = fold_batch_norms(model, _first_images(train), head_input)
    views = sample.new_empty(train.size, shown, sample.shape[1])
    for number in range(shown):
        views[:, number] = _features(network, train, compute, policy, seed, number + 1)
    held = FeatureBatches(store, "train", recipe.batch_size, compute, views)
    validation = None
    if len(store.indices("validation")):
        images = Batches(store, "validation", batch_size, compute)
        features = _features(network, images, compute, Policy(), seed, 1)
        validation = FeatureBatches(store, "validation", 256, compute, features)
    compute.synchronize()
    seconds = time.perf_counter() - started
    logger.info(
        "The backbone is frozen%s: its features are computed once (%.1f s) and reused in all %d "
        "epochs.",
        f" and training.cached_views is {recipe.cached_views}" if policy.operations else "",
        seconds,
        recipe.epochs,
    )
    in_turn = ViewsInTurn(store_size=train.store_size)
    shown_views = TrainingViews(held, in_turn, seed, store.num_classes, recipe.sampling)
    return TrainingInputs(HeadOnly(model, dropout), shown_views, validation, seconds)


class FeatureBatches(Batches):
    """Features in the place of a split's images: `Batch.images` are float (B, V, D) or (B, D).

    Args:
        store: The image store.
        split: Whose features they are.
        batch_size: The most images a batch.
        compute: Where the features are.
        features: Of all images of the split, (N, V, D) of V views or (N, D).
    """

    def __init__(
        self,
        store: ImageStore,
        split: str,
        batch_size: int,
        compute: Compute,
        features: torch.Tensor,
    ) -> None:
        super().__init__(store, split, batch_size, compute, resident=False)
        self._features = features

    @property
    def batch_bytes(self) -> int:
        """The most bytes that the features of a batch take."""
        return self.batch_size * self._features[:1].nbytes

    @property
    def is_resident(self) -> bool:
        """Features always are held on the device."""
        return True

    def take(self, parts: Sequence[torch.Tensor]) -> Iterator[Batch]:
        """A batch of each part, in turn."""
        for rows in parts:
            here = rows.to(self._device, non_blocking=True)
            features = self._features.index_select(0, here)
            yield Batch(features, self._labels[here], self.positions[rows])


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
        """Features (B, V, D) to those (B, D) of a view of each."""
        import torch

        turns = (epoch - 1 + indices // self.store_size) % images.shape[1]
        return images[torch.arange(len(images), device=images.device), turns.to(images.device)]


def head_input(model: Classifier, images: torch.Tensor) -> torch.Tensor:
    """What goes into the head when these images (B, 3, H, W) go into the classifier."""
    return _input_of(model.head, model, images)


def _input_of(module: nn.Module, model: Classifier, images: torch.Tensor) -> torch.Tensor:
    seen: list[torch.Tensor] = []
    handle = module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        model(images)
    finally:
        handle.remove()
    return seen[-1]


def _features(
    model: Classifier, batches: Batches, compute: Compute, policy: Policy, seed: int, epoch: int
) -> torch.Tensor:
    """(N, D) on the device: the head's input for all images of a split as they look in an epoch."""
    import torch

    parts = batches.split_evenly(torch.arange(batches.size))
    found = []
    with torch.inference_mode(), compute.autocast():
        for batch in track(batches.take(parts), "Computing features", total=len(parts)):
            images = policy.apply(batch.images, batch.indices, seed, epoch)
            found.append(head_input(model, images))
    return torch.cat(found)


def _what_differs_between_epochs(recipe: TrainingRecipe, policy: Policy) -> str | None:
    """Why an image's features cannot be those of an earlier epoch, or None if they can."""
    if recipe.epochs == 0:
        return "nothing is trained"
    if policy.mixes:
        return "MixUp and CutMix mix other images in each epoch"
    if policy.operations and recipe.cached_views is None:
        return (
            "images are augmented anew in each epoch; training.cached_views: 4 would be content "
            "with so many views of each"
        )
    return None


def _watch_head(
    model: Classifier, train: Batches, compute: Compute
) -> tuple[torch.Tensor, nn.Dropout | None] | str:
    """What a few images give as the head's input, and the dropout in between; or what forbids it.

    Nothing is taken for granted of a network: what it does in training is compared with what it
    does in evaluation.
    """
    import torch
    from torch import nn

    images = _first_images(train)
    model.train()
    inside = set(model.head.modules())
    lively = [m for m in model.net.modules() if m.training and m not in inside]
    if any(True for module in lively for _ in module.buffers(recurse=False)):
        return "a part of the backbone goes on learning statistics"
    dropouts = [m for m in lively if type(m) is nn.Dropout and m.p > 0]
    with torch.inference_mode(), compute.autocast():
        for dropout in dropouts:
            dropout.eval()
        in_training = head_input(model, images)
        before = [_input_of(dropout, model, images) for dropout in dropouts]
        model.eval()
        features, logits = head_input(model, images), model(images)
        if features.ndim != 2 or not _same(model.head(features), logits):
            return "its head is not the last layer"
    if len(dropouts) > 1 or not all(_same(seen, features) for seen in (in_training, *before)):
        return "the backbone is random in training"
    return features, dropouts[0] if dropouts else None


def _first_images(batches: Batches) -> torch.Tensor:
    """float32 (B, 3, H, W) in [0, 1]: a few images to watch a network with."""
    import torch

    (batch,) = batches.take([torch.arange(min(_PROBED, batches.size))])
    return to_float(batch.images)


def _same(found: torch.Tensor, expected: torch.Tensor) -> bool:
    """Whether two are equal but for rounding, which in bf16 is coarse."""
    if found.shape != expected.shape:
        return False
    return bool((found - expected).float().norm() <= 0.01 * expected.float().norm())


def _say_no(reason: str) -> None:
    logger.info("The backbone's features are not reused from epoch to epoch: %s.", reason)
