"""One training from image store to checkpoints and history."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graft.interruption import deferred
from graft.models.classifier import count_parameters
from graft.training.batches import Batches
from graft.training.checkpoint import Checkpoint, make_checkpoint
from graft.training.head_only import with_backbone
from graft.training.loop import EpochRecord, TrainingObserver, fit
from graft.training.losses import balanced_class_weights, build_loss
from graft.training.reuse import TrainingInputs, reuse_features
from graft.training.safety import SafetyNet
from graft.training.views import TrainingViews

if TYPE_CHECKING:
    import pandas as pd

    from graft.compute import Compute
    from graft.images.augmentation import Policy
    from graft.images.store import ImageStore
    from graft.models.classifier import Classifier
    from graft.training.recipe import TrainingRecipe
    from graft.training.state import StateKeeper


@dataclass(frozen=True)
class TrainedClassifier:
    """What a training leaves to the catalog.

    Attributes:
        best: The weights with the best validation score.
        last: The weights after the last epoch.
        history: One row an epoch, the columns those of `EpochRecord`; mean average precision only
            where images show several classes.
    """

    best: Checkpoint
    last: Checkpoint
    history: pd.DataFrame


def train_classifier(
    model: Classifier,
    store: ImageStore,
    recipe: TrainingRecipe,
    policy: Policy,
    compute: Compute,
    seed: int,
    *,
    observers: Sequence[TrainingObserver] = (),
    initial_weights: str = "none",
    keeper: StateKeeper | None = None,
    reuse: bool = True,
) -> TrainedClassifier:
    """Train on the store's training images, validate on its validation images if it has any.

    Args:
        model: The classifier, frozen as wanted.
        store: The images; its test images are not touched.
        recipe: The training's constants.
        policy: Augmentation of the training images.
        compute: Device and precision.
        seed: Of order, augmentation and dropout.
        observers: Who watches.
        initial_weights: Where the network's weights come from, for the record.
        keeper: Where the state of the training is kept, so that it can be gone on with; or None.
        reuse: Whether a frozen backbone's features may be computed once for all epochs: see
            `graft.training.reuse`.

    Raises:
        GraftError: The training diverged, the loss does not fit the task, or the interrupted
            training that should be gone on with had another setup.
    """
    import pandas as pd

    class_weights = None
    if recipe.class_weights == "balanced":
        class_weights = balanced_class_weights(store.labels("train"), store.num_classes)
    loss_function = build_loss(
        recipe.loss,
        multi_label=store.multi_label,
        class_weights=class_weights,
        label_smoothing=recipe.label_smoothing,
        focal_gamma=recipe.focal_gamma,
        device=compute.device,
    )
    given = reuse_features(model, store, recipe, policy, compute, seed) if reuse else None
    reused = given is not None
    given = given or _from_images(model, store, recipe, policy, compute, seed)
    setup = {
        "training": _lasting(recipe),
        "augmentation": policy.as_parameters(),
        "seed": seed,
        "data": store.digest,
        "initial_weights": initial_weights,
        "model": make_checkpoint(model, {}).metadata,
        "trainable_parameters": count_parameters(model, trainable_only=True),
        "compute": dataclasses.asdict(compute),
        "reused_features": reused,
    }
    safety = SafetyNet(
        keeper, setup, resume=recipe.resume == "auto", seconds=recipe.checkpoint_seconds
    )
    with deferred():
        result = fit(
            given.model,
            given.views,
            given.validation,
            recipe,
            loss_function,
            compute,
            seed,
            observers,
            safety,
        )
    best, last = result.best_state, result.last_state
    if reused:  # what was trained is the head alone
        best, last = with_backbone(model, best), with_backbone(model, last)
    remembered = {
        "initial_weights": initial_weights,
        "multi_label": store.multi_label,
        "trained_epochs": len(result.history),
        "best_epoch": result.best_epoch,
        "train_images": len(store.indices("train")),
        "data": store.digest,
        "train_seconds": round(given.seconds + result.seconds, 3),
        "reused_features": reused,
        "parameters": count_parameters(model),
        "trainable_parameters": count_parameters(model, trainable_only=True),
        "precision": compute.precision,
        "device": compute.device,
        "recipe": _lasting(recipe),
        "augmentation": policy.as_parameters(),
        "seed": seed,
    }
    columns = [field.name for field in dataclasses.fields(EpochRecord)]
    if not store.multi_label:
        columns.remove("validation_mean_average_precision")
    return TrainedClassifier(
        best=make_checkpoint(model, best, epoch=result.best_epoch, **remembered),
        last=make_checkpoint(model, last, epoch=len(result.history), **remembered),
        history=pd.DataFrame([dataclasses.asdict(r) for r in result.history], columns=columns),
    )


def _from_images(
    model: Classifier,
    store: ImageStore,
    recipe: TrainingRecipe,
    policy: Policy,
    compute: Compute,
    seed: int,
) -> TrainingInputs:
    """What the loop takes where the whole network computes in each epoch."""
    train = Batches(store, "train", recipe.batch_size, compute)
    validation = None
    if len(store.indices("validation")):
        validation = Batches(store, "validation", max(recipe.batch_size, 256), compute)
    views = TrainingViews(train, policy, seed, store.num_classes, recipe.sampling)
    return TrainingInputs(model, views, validation)


def _lasting(recipe: TrainingRecipe) -> dict[str, Any]:
    """What of a recipe decides on the weights, not on how a training survives."""
    values = dataclasses.asdict(recipe)
    return {k: v for k, v in values.items() if k not in ("resume", "checkpoint_seconds")}
