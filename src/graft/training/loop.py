"""The training loop, readable from top to bottom.

Validation images are never augmented; the best weights are a copy, not an alias; the learning
rate follows its schedule step by step; whoever wants to watch is an observer.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from graft.errors import GraftError
from graft.images.augment import AugmentationPolicy, augment
from graft.training.optimization import build_optimizer, build_scheduler

if TYPE_CHECKING:
    import torch

    from graft.compute import Compute
    from graft.models.classifier import Classifier
    from graft.training.batches import Batches
    from graft.training.recipe import TrainingRecipe


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch gave; losses are means over images, accuracies shares in [0, 1].

    The training figures are running means over augmented images while the weights change, the
    validation figures belong to the weights at the epoch's end (None without validation images).
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    learning_rate: float
    images_per_second: float
    seconds: float

    def as_dict(self) -> dict[str, float]:
        """The figures that exist, by name."""
        return {k: v for k, v in dataclasses.asdict(self).items() if v is not None}


class RunningMeans:
    """Loss and accuracy so far, summed on the device: only reading them waits for it."""

    def __init__(self, device: str) -> None:
        import torch

        self._sums = torch.zeros(2, device=device, dtype=torch.float64 if device == "cpu" else None)
        self._seen = 0
        self._started = time.perf_counter()

    def add(self, loss: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor) -> None:
        self._seen += len(labels)
        self._sums[0] += loss.detach() * len(labels)
        self._sums[1] += (logits.detach().argmax(1) == labels).sum()

    def read(self) -> tuple[float, float, float]:
        """Mean loss, accuracy and images a second so far; waits for the device."""
        loss, correct = (self._sums / max(1, self._seen)).tolist()
        return loss, correct, self._seen / (time.perf_counter() - self._started)


class TrainingObserver(Protocol):
    """Somebody who watches a training: a progress bar, a tracking server."""

    def on_start(self, epochs: int, batches: int) -> None: ...
    def on_batch(self, means: RunningMeans) -> None: ...
    def on_epoch(self, record: EpochRecord) -> None: ...
    def on_end(self) -> None: ...


@dataclass(frozen=True)
class TrainingResult:
    """What a training leaves behind.

    Attributes:
        best_state: State dict of the epoch with the best validation accuracy (the last one where
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
    train: Batches,
    validation: Batches | None,
    recipe: TrainingRecipe,
    policy: AugmentationPolicy,
    compute: Compute,
    seed: int,
    observers: Sequence[TrainingObserver] = (),
) -> TrainingResult:
    """Train a classifier.

    Args:
        model: The classifier, frozen as wanted. It ends with the last weights.
        train: Training images.
        validation: Validation images, or None: then the last epoch is the best.
        recipe: The training's constants.
        policy: The augmentation of the training images.
        compute: Device and precision.
        seed: Order of the images, augmentation and dropout follow from it.
        observers: Called at the start, after batches and epochs, and at the end.

    Raises:
        GraftError: The loss is no longer a number; the message says what to change.
    """
    import torch

    torch.manual_seed(seed)
    model.to(compute.device)
    if compute.channels_last:
        model.to(memory_format=torch.channels_last)
    optimizer = build_optimizer(model, recipe)
    scheduler = build_scheduler(optimizer, recipe.schedule, recipe.epochs * len(train))
    scaler = compute.grad_scaler()
    averaged = _moving_average(model, recipe.ema_decay)
    kept = cast("Classifier", averaged.module) if averaged is not None else model

    # The first optimizer of a process imports for seconds: that is not training time.
    started = time.perf_counter()
    history: list[EpochRecord] = []
    best_state, best_epoch, best_score = _copy_state(kept), 0, (-1.0, 0.0)
    for observer in observers:
        observer.on_start(recipe.epochs, len(train))
    try:
        for epoch in range(1, recipe.epochs + 1):
            epoch_started = time.perf_counter()
            model.train()
            learning_rate = optimizer.param_groups[0]["lr"]
            means = RunningMeans(compute.device)
            for batch in train.shuffled(seed, epoch):
                images = augment(batch.images, batch.indices, policy, seed, epoch)
                with compute.autocast():
                    logits = model(images)
                    loss = torch.nn.functional.cross_entropy(
                        logits, batch.labels, label_smoothing=recipe.label_smoothing
                    )
                optimizer.zero_grad(set_to_none=True)
                scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
                scaler.step(optimizer)
                scaler.update()
                scheduler.step()
                if averaged is not None:
                    averaged.update_parameters(model)
                means.add(loss, logits, batch.labels)
                for observer in observers:
                    observer.on_batch(means)
            train_loss, train_accuracy, images_per_second = means.read()
            _require_finite(train_loss, epoch, recipe)
            validated = evaluate(kept, validation, compute) if validation is not None else None
            record = EpochRecord(
                epoch=epoch,
                train_loss=train_loss,
                train_accuracy=train_accuracy,
                validation_loss=validated[0] if validated else None,
                validation_accuracy=validated[1] if validated else None,
                learning_rate=learning_rate,
                images_per_second=images_per_second,
                seconds=time.perf_counter() - epoch_started,
            )
            history.append(record)
            for observer in observers:
                observer.on_epoch(record)
            if validated is None:
                continue
            # Equal accuracies are frequent on small validation sets: the lower loss decides.
            score = (validated[1], -validated[0])
            if score > best_score:
                best_state, best_epoch, best_score = _copy_state(kept), epoch, score
            patience = recipe.early_stopping_patience
            if patience is not None and epoch - best_epoch >= patience:
                break
    finally:
        for observer in observers:
            observer.on_end()
    last_state = _copy_state(kept)
    if validation is None:
        best_state, best_epoch = last_state, len(history)
    return TrainingResult(
        best_state, last_state, best_epoch, tuple(history), time.perf_counter() - started
    )


def evaluate(model: Classifier, batches: Batches, compute: Compute) -> tuple[float, float]:
    """Mean cross-entropy and accuracy of a classifier on images as they are."""
    import torch

    model.eval()
    means = RunningMeans(compute.device)
    with torch.inference_mode(), compute.autocast():
        for batch in batches.in_order():
            logits = model(batch.images)
            loss = torch.nn.functional.cross_entropy(logits, batch.labels)
            means.add(loss, logits, batch.labels)
    loss_mean, accuracy, _ = means.read()
    return loss_mean, accuracy


def _moving_average(
    model: Classifier, decay: float | None
) -> torch.optim.swa_utils.AveragedModel | None:
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    if decay is None:
        return None
    average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return AveragedModel(model, multi_avg_fn=average, use_buffers=True)


def _copy_state(model: Classifier) -> dict[str, torch.Tensor]:
    """The network's state dict as a copy on the CPU: training goes on without touching it."""
    return {k: v.detach().to("cpu", copy=True) for k, v in model.net.state_dict().items()}


def _require_finite(loss: float, epoch: int, recipe: TrainingRecipe) -> None:
    if loss != loss or loss in (float("inf"), float("-inf")):
        raise GraftError(
            f"The training loss is {loss} after epoch {epoch}: the weights have diverged. "
            f"Lower training.learning_rate ({recipe.learning_rate}) or train in fp32."
        )
