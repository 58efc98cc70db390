"""The training loop, readable from top to bottom.

Validation images are never augmented; the best weights are a copy, not an alias; the learning
rate follows its schedule step by step; whoever wants to watch is an observer.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, Protocol

from graft.training.batch_norm import settle_batch_norms
from graft.training.compiled import compile_network
from graft.training.distributed.group import ALONE, Group
from graft.training.measures import RunningMeans, mean_average_precision, measure
from graft.training.memory import keep_freed_memory
from graft.training.moving_parts import MovingParts
from graft.training.optimization import build_optimizer
from graft.training.safety import SafetyNet
from graft.training.schedules import Schedule
from graft.training.setbacks import recover
from graft.training.step import Step
from graft.training.unfreezing import unfreeze

if TYPE_CHECKING:
    import torch

    from graft.compute import Compute
    from graft.models.classifier import Classifier
    from graft.training.batches import Batches
    from graft.training.losses import Loss
    from graft.training.recipe import TrainingRecipe
    from graft.training.views import TrainingViews


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch gave; losses are means over images, accuracies shares in [0, 1].

    The training figures are running means over augmented images while the weights change, the
    validation figures belong to the weights at the epoch's end (None without validation images).
    Where images show several classes, accuracy is that of the yes-or-no questions, and the mean
    average precision is what the best epoch is chosen by (None otherwise). The learning rate is the
    head's when the epoch began; skipped batches are those that gave no finite numbers.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    validation_mean_average_precision: float | None
    learning_rate: float
    images_per_second: float
    seconds: float
    skipped_batches: int = 0

    def as_dict(self) -> dict[str, float]:
        """The figures that exist, by name."""
        return {k: v for k, v in dataclasses.asdict(self).items() if v is not None}


class Evaluation(NamedTuple):
    """Of a network on images as they are; the last is None where images show one class."""

    loss: float
    accuracy: float
    mean_average_precision: float | None

    @property
    def rank(self) -> tuple[float, float]:
        """What the best epoch is chosen by: of equal scores, the lower loss decides.

        Equal accuracies are frequent on small validation sets.
        """
        score = self.mean_average_precision
        return (self.accuracy if score is None else score), -self.loss


class TrainingObserver(Protocol):
    """Somebody who watches a training: a progress bar, a tracking server."""

    def on_start(self, epochs: int, batches: int) -> None: ...
    def on_resume(self, history: Sequence[EpochRecord], batches: int) -> None: ...
    def on_batch(self, means: RunningMeans) -> None: ...
    def on_epoch(self, record: EpochRecord) -> None: ...
    def on_end(self) -> None: ...


@dataclass(frozen=True)
class TrainingResult:
    """What a training leaves behind.

    Attributes:
        best_state: State dict of the epoch with the best validation score (the last one where
            there are no validation images), on the CPU.
        last_state: State dict after the last epoch, on the CPU.
        best_epoch: The epoch of `best_state`, counted from 1; 0 for a network left as it was.
        history: One record an epoch.
        seconds: Wall-clock time of the whole training.
    """

    best_state: dict[str, torch.Tensor]
    last_state: dict[str, torch.Tensor]
    best_epoch: int
    history: tuple[EpochRecord, ...]
    seconds: float


def fit(
    model: Classifier,
    views: TrainingViews,
    validation: Batches | None,
    recipe: TrainingRecipe,
    loss_function: Loss,
    compute: Compute,
    seed: int,
    observers: Sequence[TrainingObserver] = (),
    safety: SafetyNet | None = None,
    group: Group = ALONE,
) -> TrainingResult:
    """Train a classifier.

    Args:
        model: The classifier, frozen as wanted. It ends with the last weights.
        views: Training images, augmented and mixed anew in each epoch.
        validation: Validation images, or None: then the last epoch is the best.
        recipe: The training's constants.
        loss_function: Of logits and targets; validation images are judged by its `plain` form.
        compute: Device and precision.
        seed: Of dropout.
        observers: Called at the start, after batches and epochs, and at the end.
        safety: Saves the state now and then and when a stop is requested, and knows where an
            earlier process ended; None saves nothing.
        group: The processes that train together: each calls this with everything the same, takes
            its share of each batch and ends with the same result.

    Raises:
        PeerLost: One of the others is gone.
        GraftError: The weights diverged for good, or a single image is more than memory holds; the
            message says what to change.
        KeyboardInterrupt, SystemExit: A stop was requested (`graft.interruption`).
    """
    import torch

    torch.manual_seed(seed)
    compute.place(model)
    keep_freed_memory()
    if compute.compiled:
        compile_network(model)
    optimizer = build_optimizer(model, recipe)
    schedule = Schedule(optimizer, recipe, len(views))
    averaged = _moving_average(model, recipe.ema_decay)
    # The first optimizer of a process imports for seconds: that is not training time.
    parts = MovingParts(
        model,
        averaged,
        optimizer,
        schedule,
        compute.grad_scaler(),
        compute,
        recipe.micro_batch_size,
    )
    step = Step(parts, loss_function, recipe, group)
    safety = safety or SafetyNet(None)
    for observer in observers:
        observer.on_start(recipe.epochs, len(views))
    try:
        safety.catch_up(parts)
        for observer in observers:
            observer.on_resume(parts.history, parts.batch)
        while not _is_over(parts, recipe):
            unfreeze([model, parts.kept], recipe, parts.epoch)
            model.train()
            for view in views.epoch(parts.epoch, parts.batch, group.rank, group.size):
                group.seed(seed, parts.epoch, parts.batch)
                measured = step.take(view)
                if measured is not None:
                    parts.means.add(measured)
                for observer in observers:
                    observer.on_batch(parts.means)
                safety.after_batch(parts)
            train_loss, train_accuracy, images_per_second = parts.means.read()
            share = -(-recipe.batch_size // group.size)
            at_once = min(parts.micro_batch_size or share, share)
            settle_batch_norms(parts.kept, views, parts.epoch, recipe, compute, at_once)
            # Batch-norm statistics are those of each process's shares: the first one's count.
            group.copy_from_first(parts.kept.net.buffers())
            validated = _evaluate_epoch(parts, validation, loss_function.plain(), group)
            if _has_diverged(parts, validated):
                recover(parts, recipe, at_the_end=parts.epoch == recipe.epochs)
                validated = _evaluate_epoch(parts, validation, loss_function.plain(), group)
            elif validated is None or validated.rank > parts.best_rank:
                parts.keep_as_best(validated.rank if validated else parts.best_rank)
            record = EpochRecord(
                epoch=parts.epoch,
                train_loss=train_loss,
                train_accuracy=train_accuracy,
                validation_loss=validated.loss if validated else None,
                validation_accuracy=validated.accuracy if validated else None,
                validation_mean_average_precision=(
                    validated.mean_average_precision if validated else None
                ),
                learning_rate=parts.learning_rate,
                images_per_second=images_per_second,
                seconds=parts.means.seconds,
                skipped_batches=parts.skipped_in_epoch,
            )
            parts.next_epoch(record)
            for observer in observers:
                observer.on_epoch(record)
        safety.at_end(parts)
    finally:
        for observer in observers:
            observer.on_end()
    return TrainingResult(
        parts.best_state,
        parts.copy_weights(),
        parts.best_epoch,
        tuple(parts.history),
        parts.elapsed,
    )


def _is_over(parts: MovingParts, recipe: TrainingRecipe) -> bool:
    """Whether all epochs are done, or the last ones were no better for as long as patience is."""
    done = len(parts.history)
    patience = recipe.early_stopping_patience
    since = max(parts.best_epoch, *recipe.unfreezing, 0)  # what is unfrozen begins anew
    # While all epochs have diverged, there is nothing to be the better of.
    stopped = patience is not None and parts.best_epoch > 0 and done - since >= patience
    return done >= recipe.epochs or stopped


def _evaluate_epoch(
    parts: MovingParts, validation: Batches | None, loss_function: Loss, group: Group
) -> Evaluation | None:
    if validation is None:
        return None
    return evaluate(parts.kept, validation, loss_function, parts.compute, group)


def _has_diverged(parts: MovingParts, validated: Evaluation | None) -> bool:
    """Whether the epoch's weights are worth nothing: single batches may have been at fault."""
    if parts.skipped > parts.batch / 2:
        return True
    return not (math.isfinite(validated.loss) if validated else parts.are_finite)


def evaluate(
    model: Classifier,
    batches: Batches,
    loss_function: Loss,
    compute: Compute,
    group: Group = ALONE,
) -> Evaluation:
    """Mean loss, accuracy and mean average precision of a classifier on images as they are.

    Of several processes each answers for some of the batches.
    """
    import torch

    model.eval()
    means = RunningMeans(compute.device)
    labels, scores = [], []
    with torch.inference_mode(), compute.autocast():
        parts = batches.split_evenly(torch.arange(batches.size))
        for batch in batches.take(parts[group.rank :: group.size]):
            logits = model(batch.images)
            means.add(measure(loss_function(logits, batch.labels), logits, batch.labels))
            if loss_function.multi_label:
                labels.append(batch.labels.cpu())
                scores.append(logits.float().cpu())
    means.pool(group)
    loss, accuracy, _ = means.read()
    ranked = None
    if loss_function.multi_label:
        of_all = [[*chain(*group.gather(part))] for part in (labels, scores)]
        if math.isfinite(loss):  # scores that are no numbers have no order
            ranked = mean_average_precision(*(torch.cat(tensors).numpy() for tensors in of_all))
    return Evaluation(loss, accuracy, ranked)


def _moving_average(
    model: Classifier, decay: float | None
) -> torch.optim.swa_utils.AveragedModel | None:
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    if decay is None:
        return None
    average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return AveragedModel(model, multi_avg_fn=average, use_buffers=True)
