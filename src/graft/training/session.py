"""One training from image store to checkpoints and history."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft.models.classifier import count_parameters
from graft.training.batches import Batches
from graft.training.checkpoint import Checkpoint, make_checkpoint
from graft.training.loop import EpochRecord, TrainingObserver, fit

if TYPE_CHECKING:
    import pandas as pd

    from graft.compute import Compute
    from graft.images.augment import AugmentationPolicy
    from graft.images.store import ImageStore
    from graft.models.classifier import Classifier
    from graft.training.recipe import TrainingRecipe


@dataclass(frozen=True)
class TrainedClassifier:
    """What a training leaves to the catalog.

    Attributes:
        best: The weights with the best validation accuracy.
        last: The weights after the last epoch.
        history: One row an epoch, the columns those of `EpochRecord`.
    """

    best: Checkpoint
    last: Checkpoint
    history: pd.DataFrame


def train_classifier(
    model: Classifier,
    store: ImageStore,
    recipe: TrainingRecipe,
    policy: AugmentationPolicy,
    compute: Compute,
    seed: int,
    *,
    observers: Sequence[TrainingObserver] = (),
    initial_weights: str = "none",
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

    Raises:
        GraftError: The training diverged.
    """
    import pandas as pd

    train = Batches(store, "train", recipe.batch_size, compute)
    has_validation = len(store.indices("validation")) > 0
    validation = (
        Batches(store, "validation", max(recipe.batch_size, 256), compute)
        if has_validation
        else None
    )
    result = fit(model, train, validation, recipe, policy, compute, seed, observers)
    remembered = {
        "initial_weights": initial_weights,
        "trained_epochs": len(result.history),
        "best_epoch": result.best_epoch,
        "train_images": train.size,
        "data": store.digest,
        "train_seconds": round(result.seconds, 3),
        "parameters": count_parameters(model),
        "trainable_parameters": count_parameters(model, trainable_only=True),
        "precision": compute.precision,
        "device": compute.device,
        "recipe": dataclasses.asdict(recipe),
        "augmentation": dataclasses.asdict(policy),
        "seed": seed,
    }
    columns = [field.name for field in dataclasses.fields(EpochRecord)]
    return TrainedClassifier(
        best=make_checkpoint(model, result.best_state, epoch=result.best_epoch, **remembered),
        last=make_checkpoint(model, result.last_state, epoch=len(result.history), **remembered),
        history=pd.DataFrame([dataclasses.asdict(r) for r in result.history], columns=columns),
    )
