"""Live progress of a training: a bar in a terminal, a line an epoch in a log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from graft.training.loop import EpochRecord
from graft.training.measures import RunningMeans

if TYPE_CHECKING:
    from rich.progress import Progress

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_READINGS = 0.5  # reading the means waits for the device


class TrainingProgress:
    """Shows epoch, loss, accuracy, images a second and the time left.

    A line an epoch is logged everywhere; the bar is drawn only where standard error is a
    terminal, so that a cluster's log files hold no control characters.

    Args:
        title: What is being trained.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar: Progress | None = None
        self._task: Any = None
        self._epochs = 0
        self._batches = 0
        self._last_reading = 0.0

    def on_start(self, epochs: int, batches: int) -> None:
        self._epochs = epochs
        self._batches = batches
        if not epochs or not sys.stderr.isatty():
            return
        try:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
        except ImportError:  # the library floor runs without rich
            return
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(self._title, total=epochs * batches, figures="")
        self._bar.start()

    def on_resume(self, history: Sequence[EpochRecord], batches: int) -> None:
        if self._bar is not None:
            self._bar.advance(self._task, len(history) * self._batches + batches)

    def on_batch(self, means: RunningMeans) -> None:
        if self._bar is None:
            return
        self._bar.advance(self._task)
        now = time.monotonic()
        if now - self._last_reading > _SECONDS_BETWEEN_READINGS:
            self._last_reading = now
            loss, accuracy, rate = means.read()
            figures = f"loss {loss:.3f}  accuracy {accuracy:.1%}  {rate:,.0f} images/s"
            self._bar.update(self._task, figures=figures)

    def on_epoch(self, record: EpochRecord) -> None:
        validated = ""
        if record.validation_mean_average_precision is not None:
            validated = f", validation mAP {record.validation_mean_average_precision:.2%}"
        elif record.validation_accuracy is not None:
            validated = f", validation {record.validation_accuracy:.2%}"
        logger.info(
            "%s: epoch %d of %d, loss %.4f, accuracy %.2f %%%s, %s images/s, about %s left",
            self._title,
            record.epoch,
            self._epochs,
            record.train_loss,
            100 * record.train_accuracy,
            validated,
            f"{record.images_per_second:,.0f}",
            _duration((self._epochs - record.epoch) * record.seconds),
        )
        if self._bar is not None:
            self._bar.update(
                self._task, description=f"{self._title}: epoch {record.epoch + 1}/{self._epochs}"
            )

    def on_end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
