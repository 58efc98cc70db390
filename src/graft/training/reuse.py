"""What the frozen part of a network gives, computed once where a training would ask in each epoch.

That part gives the same for an image in every epoch, or, with augmentation, hardly needs to give
more than some views of it. Then the rest is trained on these activations, be it the head or the
last stages with it: same order, same loss, same steps, and the same weights up to rounding.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, NamedTuple

from graft.images.augmentation import Policy
from graft.models.folding import fold_batch_norms
from graft.models.splitting import Split, split
from graft.progress import track
from graft.training.activations import ActivationBatches, ViewsInTurn
from graft.training.batches import Batches, images_at_once
from graft.training.memory import free_memory
from graft.training.state import random_state, restore_random_state
from graft.training.views import TrainingViews

if TYPE_CHECKING:
    import torch

    from graft.compute import Compute
    from graft.images.store import ImageStore
    from graft.models.classifier import Classifier
    from graft.training.recipe import TrainingRecipe

logger = logging.getLogger(__name__)

_PROBED = 8  # images that the two parts are compared with the whole on
_WORTH_IT = 0.1  # of a step's multiply-accumulates; less does not pay for the memory


class TrainingInputs(NamedTuple):
    """What the loop takes: a network, and what is shown to it.

    Attributes:
        model: The classifier, or the part of it that is trained.
        views: Of the training images, or of what the frozen part makes of them.
        validation: The validation images, or likewise, or None.
        seconds: What it took to compute that.
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
    """Compute what the frozen part gives, where training the rest on it is the same training.

    The log says whether it is, or why not.

    Args:
        model: The classifier, frozen as wanted; it is moved to the device.
        store: The images; test images are not touched.
        recipe: Its `cached_views` says how many augmented views of an image stand for all.
        policy: Augmentation of the training images.
        compute: Device and precision.
        seed: Of augmentation.

    Returns:
        None where the whole network has to compute in each epoch.
    """
    reason = _what_differs_between_epochs(model, recipe, policy)
    if reason is not None:
        _say_no(reason)
        return None
    compute.place(model)
    at_once = images_at_once(model, store, compute)
    train = Batches(store, "train", at_once, compute)
    images = _first_images(train)
    parts = split(model, images)
    if isinstance(parts, str):
        _say_no(parts)
        return None
    if parts.saved < _WORTH_IT:
        _say_no(f"the part up to {parts.last} is {parts.saved:.0%} of a step's work")
        return None
    sample = _compare(model, parts, images, compute)
    if isinstance(sample, str):
        _say_no(sample)
        return None
    shown = min(recipe.cached_views or 1, recipe.epochs) if policy.operations else 1
    needed = sample[:1].nbytes * (train.size * shown + len(store.indices("validation")))
    if needed > free_memory(compute.device) // 2:
        _say_no(
            f"what {parts.last} gives would take {needed / 2**30:.1f} GiB, more than half of the "
            "memory that is free"
        )
        return None

    started = time.perf_counter()
    model.eval()
    network = fold_batch_norms(parts.frozen, images, lambda part, shown: part(shown))
    views = sample.new_empty(train.size, shown, *sample.shape[1:])
    for number in range(shown):
        _fill(views[:, number], network, train, compute, policy, seed, number + 1)
    held = ActivationBatches(store, "train", recipe.batch_size, compute, views)
    validation = None
    if len(store.indices("validation")):
        batches = Batches(store, "validation", at_once, compute)
        plain = sample.new_empty(batches.size, *sample.shape[1:])
        _fill(plain, network, batches, compute, Policy(), seed, 1)
        validation = ActivationBatches(store, "validation", at_once, compute, plain)
    compute.synchronize()
    seconds = time.perf_counter() - started
    logger.info(
        "The network is frozen up to %s%s: what that gives is computed once (%.1f s, %.0f MiB) and "
        "reused in all %d epochs, which saves %.0f %% of their work.",
        parts.last,
        f" and training.cached_views is {recipe.cached_views}" if policy.operations else "",
        seconds,
        needed / 2**20,
        recipe.epochs,
        100 * parts.saved,
    )
    in_turn = ViewsInTurn(store_size=train.store_size)
    shown_views = TrainingViews(held, in_turn, seed, store.num_classes, recipe.sampling)
    return TrainingInputs(parts.trained, shown_views, validation, seconds)


def _fill(
    found: torch.Tensor,
    network: Classifier,
    batches: Batches,
    compute: Compute,
    policy: Policy,
    seed: int,
    epoch: int,
) -> None:
    """Put what the frozen part gives for all images of a split, as they look in an epoch."""
    import torch

    parts = batches.split_evenly(torch.arange(batches.size))
    done = 0
    with torch.inference_mode(), compute.autocast():
        for batch in track(batches.take(parts), "Computing features", total=len(parts)):
            images = policy.apply(batch.images, batch.indices, seed, epoch)
            found[done : done + len(images)] = network(images)
            done += len(images)


def _what_differs_between_epochs(
    model: Classifier, recipe: TrainingRecipe, policy: Policy
) -> str | None:
    """Why an image's features cannot be those of an earlier epoch, or None if they can."""
    if recipe.epochs == 0:
        return "nothing is trained"
    if all(parameter.requires_grad for parameter in model.parameters()):
        unused = "" if recipe.cached_views is None else "; training.cached_views has no effect"
        return f"nothing is frozen{unused}"
    if recipe.unfreezing:
        return "training.unfreezing trains more of the network later on"
    if policy.mixes:
        return "MixUp and CutMix mix other images in each epoch"
    if policy.operations and recipe.cached_views is None:
        return (
            "images are augmented anew in each epoch; training.cached_views: 4 would be content "
            "with so many views of each"
        )
    return None


def _compare(
    model: Classifier, parts: Split, images: torch.Tensor, compute: Compute
) -> torch.Tensor | str:
    """What the frozen part gives for a few images; or why the parts do otherwise than the whole.

    Nothing is taken for granted of a network. In training both draw the same random numbers, unless
    some of them are drawn in the frozen part.
    """
    import torch

    buffers = [(buffer, buffer.clone()) for buffer in model.net.buffers()]
    before = random_state(compute.device)
    model.eval()
    parts.frozen.eval()
    with torch.no_grad(), compute.autocast():
        activations: torch.Tensor = parts.frozen(images)
        for training in (True, False):
            found = []
            for network, shown in ((model, images), (parts.trained, activations)):
                network.train(training)
                restore_random_state(before, compute.device)
                found.append(network(shown))
                for buffer, value in buffers:
                    buffer.copy_(value)
            if not _same(*found):
                return (
                    "what is frozen is random in training"
                    if training
                    else "its two parts do not give what the whole network gives"
                )
    restore_random_state(before, compute.device)
    return activations


def _first_images(batches: Batches) -> torch.Tensor:
    """uint8 (B, 3, H, W): a few images to watch a network with.

    Two at least, be they the same: of one alone batch norm may have no variance.
    """
    import torch

    (batch,) = batches.take([torch.arange(max(2, min(_PROBED, batches.size))) % batches.size])
    return batch.images


def _same(found: torch.Tensor, expected: torch.Tensor) -> bool:
    """Whether two are equal but for rounding, which in bf16 is coarse."""
    if found.shape != expected.shape:
        return False
    return bool((found - expected).float().norm() <= 0.01 * expected.float().norm())


def _say_no(reason: str) -> None:
    logger.info("No features are reused from epoch to epoch: %s.", reason)
