"""What changes from batch to batch in a training: taken out and put back as a whole."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from graft.training.measures import RunningMeans
from graft.training.state import (
    TrainingState,
    below,
    optimizer_state,
    random_state,
    restore_optimizer,
    restore_random_state,
)

if TYPE_CHECKING:
    import torch

    from graft.compute import Compute
    from graft.models.classifier import Classifier
    from graft.training.loop import EpochRecord
    from graft.training.schedules import Schedule


@dataclass(eq=False)
class MovingParts:
    """The state of a training.

    Attributes:
        model: What is trained.
        averaged: The moving average of its weights, or None.
        optimizer: With its momenta.
        schedule: Stepped once a batch.
        scaler: Of fp16's losses.
        compute: Where all of that is.
        micro_batch_size: Images computed at once, or None for whole batches; shrinks where memory
            runs out.
        epoch: The epoch that is under way, counted from 1.
        batch: How many of its batches are done.
        means: Loss and accuracy of these batches.
        learning_rate: Of the head, when the epoch began.
        history: The epochs that are done.
        best_state: Weights of the best epoch, on the CPU.
        best_epoch: Which that is; 0 for the network as it was.
        best_rank: Its score, and its loss with a minus.
        skipped: How many of the epoch's batches gave no finite numbers, since the last roll-back.
        skipped_in_a_row: How many such batches were the last ones.
        skipped_in_epoch: How many of the epoch's batches were such, roll-backs or not.
        rollbacks: How often the training went back to its best weights.
        seconds: Of earlier processes.
    """

    model: Classifier
    averaged: torch.optim.swa_utils.AveragedModel | None
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    scaler: torch.amp.GradScaler
    compute: Compute
    micro_batch_size: int | None = None
    epoch: int = 1
    batch: int = 0
    means: RunningMeans = field(init=False)
    learning_rate: float = field(init=False)
    history: list[EpochRecord] = field(default_factory=list)
    best_state: dict[str, torch.Tensor] = field(init=False)
    best_epoch: int = 0
    best_rank: tuple[float, float] = (-1.0, 0.0)
    skipped: int = 0
    skipped_in_a_row: int = 0
    skipped_in_epoch: int = 0
    rollbacks: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.means = RunningMeans(self.compute.device)
        self.learning_rate = self.optimizer.param_groups[0]["lr"]
        self.best_state = self.copy_weights()
        self._started = time.perf_counter()

    @property
    def kept(self) -> Classifier:
        """What is validated and kept: the model, or its moving average."""
        return self.model if self.averaged is None else cast("Classifier", self.averaged.module)

    @property
    def elapsed(self) -> float:
        """Seconds of training, those of earlier processes included."""
        return self.seconds + time.perf_counter() - self._started

    @property
    def are_finite(self) -> bool:
        """Whether the weights of `kept` are numbers."""
        return all(bool(p.detach().isfinite().all()) for p in self.kept.parameters())

    def copy_weights(self) -> dict[str, torch.Tensor]:
        """State dict of `kept` as a copy on the CPU: training goes on without touching it."""
        return {k: v.detach().to("cpu", copy=True) for k, v in self.kept.net.state_dict().items()}

    def next_epoch(self, record: EpochRecord) -> None:
        """The epoch is over."""
        self.history.append(record)
        self.epoch += 1
        self.batch = 0
        self.skipped = self.skipped_in_epoch = 0
        self.means = RunningMeans(self.compute.device)
        self.learning_rate = self.optimizer.param_groups[0]["lr"]

    def keep_as_best(self, rank: tuple[float, float]) -> None:
        """These are the best weights so far."""
        self.best_state, self.best_epoch, self.best_rank = self.copy_weights(), self.epoch, rank

    def roll_back(self) -> None:
        """Go on from the best weights so far, without momenta and at half the learning rate."""
        self.model.net.load_state_dict(self.best_state)
        if self.averaged is not None:
            self.kept.net.load_state_dict(self.best_state)
            self.averaged.n_averaged.zero_()
        self.optimizer.state.clear()
        self.schedule.lower_peaks(0.5)
        self.skipped = self.skipped_in_a_row = 0
        self.rollbacks += 1

    def take_out(self, setup: dict[str, Any]) -> TrainingState:
        """A copy of everything; the training goes on."""
        tensors, groups = optimizer_state(self.optimizer)
        tensors |= below("model", self.model.net.state_dict())
        tensors |= below("best", self.best_state)
        tensors |= below("means", self.means.state())
        tensors |= below("random", random_state(self.compute.device))
        if self.averaged is not None:
            tensors |= below("average", self.averaged.state_dict())
        progress = {
            "epoch": self.epoch,
            "batch": self.batch,
            "images": self.means.images,
            "epoch_seconds": self.means.seconds,
            "learning_rate": self.learning_rate,
            "history": [dataclasses.asdict(record) for record in self.history],
            "best_epoch": self.best_epoch,
            "best_rank": list(self.best_rank),
            "skipped": self.skipped,
            "skipped_in_a_row": self.skipped_in_a_row,
            "skipped_in_epoch": self.skipped_in_epoch,
            "rollbacks": self.rollbacks,
            "micro_batch_size": self.micro_batch_size,
            "seconds": self.elapsed,
            "optimizer_groups": groups,
            "schedule": self.schedule.state(),
            "scaler": self.scaler.state_dict(),
        }
        return TrainingState(tensors, progress, setup)

    def put_back(self, state: TrainingState) -> None:
        """Go on from a state that `take_out` took of parts of the same kind."""
        from graft.training.loop import EpochRecord

        progress = state.progress
        self.model.net.load_state_dict(state.part("model"))
        if self.averaged is not None:
            self.averaged.load_state_dict(state.part("average"))
        restore_optimizer(self.optimizer, state.part("optimizer"), progress["optimizer_groups"])
        self.schedule.restore(progress["schedule"])
        self.scaler.load_state_dict(progress["scaler"])
        self.epoch, self.batch = progress["epoch"], progress["batch"]
        self.means.restore(state.part("means"), progress["images"], progress["epoch_seconds"])
        self.learning_rate = progress["learning_rate"]
        self.history = [EpochRecord(**record) for record in progress["history"]]
        self.best_state = state.part("best")
        self.best_epoch = progress["best_epoch"]
        self.best_rank = (progress["best_rank"][0], progress["best_rank"][1])
        self.skipped, self.rollbacks = progress["skipped"], progress["rollbacks"]
        self.skipped_in_a_row = progress["skipped_in_a_row"]
        self.skipped_in_epoch = progress["skipped_in_epoch"]
        self.micro_batch_size = progress["micro_batch_size"]
        self.seconds = progress["seconds"]
        self._started = time.perf_counter()
        restore_random_state(state.part("random"), self.compute.device)
