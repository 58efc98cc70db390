"""One training from image store to checkpoints and history."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graft.interruption import deferred
from graft.lease import job_restarts
from graft.models.classifier import count_parameters
from graft.models.splitting import whole_state
from graft.training.batches import Batches, images_at_once
from graft.training.checkpoint import Checkpoint, make_checkpoint
from graft.training.distributed.group import ALONE, Group, shared_keeper
from graft.training.distributed.meeting import ONE_PROCESS, Processes
from graft.training.loop import EpochRecord, TrainingObserver, fit
from graft.training.losses import build_loss_for
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
    processes: Processes = ONE_PROCESS,
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
        processes: How many train together. Each takes its share of every batch: their number
            changes sums by rounding, and batch-norm statistics, which are those of a share. A
            script that asks for several has to begin with `if __name__ == "__main__"`, as for
            all of Python's multiprocessing.

    Raises:
        GraftError: The training diverged, the loss does not fit the task, the interrupted training
            that should be gone on with had another setup, or there are too many processes.
        KeyboardInterrupt, SystemExit: A stop was requested (`graft.interruption`).
    """
    images = len(store.indices("train"))
    smallest_batch = images // max(1, -(-images // recipe.batch_size))
    processes.require_possible(compute.device, smallest_batch)
    if processes.count == 1:
        return train_together(
            model,
            store,
            recipe,
            policy,
            compute,
            seed,
            observers=observers,
            initial_weights=initial_weights,
            keeper=keeper,
            reuse=reuse,
        )
    from graft.training.distributed.job import Job
    from graft.training.distributed.launch import launch

    job = Job(
        model=model,
        store=store,
        recipe=recipe,
        policy=policy,
        compute=compute,
        seed=seed,
        initial_weights=initial_weights,
        keeper=keeper,
        reuse=reuse,
        saves_state=processes.meeting.is_here,
        timeout=processes.timeout,
    )
    return launch(processes, observers, job)


def train_together(
    model: Classifier,
    store: ImageStore,
    recipe: TrainingRecipe,
    policy: Policy,
    compute: Compute,
    seed: int,
    *,
    observers: Sequence[TrainingObserver],
    initial_weights: str,
    keeper: StateKeeper | None,
    reuse: bool,
    group: Group = ALONE,
) -> TrainedClassifier:
    """Train as one of the processes of `group`, which may be the only one.

    Each calls this with the same arguments, except that `compute` names its own device, and ends
    with the same weights.

    Raises:
        PeerLost: Another one is gone.
        GraftError, KeyboardInterrupt, SystemExit: As by `train_classifier`.
    """
    import pandas as pd

    compute.place(model)
    group.copy_from_first(model.state_dict().values())
    loss_function = build_loss_for(recipe, store, compute)
    given = reuse_features(model, store, recipe, policy, compute, seed) if reuse else None
    reused = group.all(given is not None)
    if given is None or not reused:
        given = _from_images(model, store, recipe, policy, compute, seed)
    setup = {
        "training": _lasting(recipe),
        "augmentation": policy.as_parameters(),
        "seed": seed,
        "data": store.digest,
        "initial_weights": initial_weights,
        "model": make_checkpoint(model, {}).metadata,
        "trainable_parameters": count_parameters(model, trainable_only=True),
        # One state is for all: that each has a device of its own makes no other setup of it.
        "compute": group.from_first(dataclasses.asdict(compute)),
        "processes": group.size,
        "reused_features": reused,
    }
    group.require_same({**setup, "compute": compute.precision})
    safety = SafetyNet(
        shared_keeper(keeper, group),
        setup,
        resume=recipe.resume == "auto",
        restarted=group.restarted or job_restarts() > 0,
        seconds=recipe.checkpoint_seconds if group.is_first else math.inf,
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
            group,
        )
    best, last = result.best_state, result.last_state
    if reused:  # what was trained is a part
        best, last = whole_state(model, best), whole_state(model, last)
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
        validation = Batches(store, "validation", images_at_once(model, store, compute), compute)
    views = TrainingViews(train, policy, seed, store.num_classes, recipe.sampling)
    return TrainingInputs(model, views, validation)


def _lasting(recipe: TrainingRecipe) -> dict[str, Any]:
    """What of a recipe decides on the weights, not on how a training survives."""
    values = dataclasses.asdict(recipe)
    return {k: v for k, v in values.items() if k not in ("resume", "checkpoint_seconds")}
