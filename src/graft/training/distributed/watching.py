"""What observers see of a training that runs in other processes: every batch and epoch once.

The first process of the host reports; should it die, its successor goes on from the newest state
and does some batches again, which nobody is shown twice.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from graft.training.measures import RunningMeans

if TYPE_CHECKING:
    from graft.training.distributed.line import Line
    from graft.training.loop import EpochRecord, TrainingObserver

_SECONDS_BETWEEN_REPORTS = 0.2  # of batches: reading their means waits for the device


class Reporter:
    """A `TrainingObserver` in the training's process: what it sees, it says on the line."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._batches = self._done = 0
        self._reported = 0.0

    def on_start(self, epochs: int, batches: int) -> None:
        self._batches = batches
        self._line.say("start", (epochs, batches))

    def on_resume(self, history: Sequence[EpochRecord], batches: int) -> None:
        self._done = len(history) * self._batches + batches
        self._line.say("resume", (list(history), batches))

    def on_batch(self, means: RunningMeans) -> None:
        self._done += 1
        # The last of an epoch at any rate: its record comes next.
        if self._done % self._batches == 0 or self._is_due():
            self._reported = time.monotonic()
            sums = {name: tensor.cpu() for name, tensor in means.state().items()}
            self._line.say("batch", (self._done, (sums, means.images, means.seconds)))

    def on_epoch(self, record: EpochRecord) -> None:
        self._line.say("epoch", record)

    def on_end(self) -> None: ...

    def _is_due(self) -> bool:
        return time.monotonic() - self._reported > _SECONDS_BETWEEN_REPORTS


class Audience:
    """The observers in the waiting process, who hear what the reporter says.

    Attributes:
        has_started: Whether a training is under way.
    """

    def __init__(self, observers: Sequence[TrainingObserver]) -> None:
        self._observers = observers
        self.has_started = self._has_resumed = False
        self._batches = self._done = self._epoch = 0

    def hear(self, kind: str, what: Any) -> None:
        """Show what is new in it."""
        match kind:
            case "start" if not self.has_started:
                self.has_started = True
                self._batches = what[1]
                for observer in self._observers:
                    observer.on_start(*what)
            case "resume" if not self._has_resumed:
                self._has_resumed = True
                history, batches = what
                self._epoch = len(history)
                self._done = self._epoch * self._batches + batches
                for observer in self._observers:
                    observer.on_resume(history, batches)
            case "batch":
                done, (sums, images, seconds) = what
                means = RunningMeans("cpu")
                means.restore(sums, images, seconds)
                for _ in range(done - self._done):
                    for observer in self._observers:
                        observer.on_batch(means)
                self._done = max(self._done, done)
            case "epoch" if what.epoch > self._epoch:
                self._epoch = what.epoch
                for observer in self._observers:
                    observer.on_epoch(what)

    def leave(self) -> None:
        """The training is over."""
        if self.has_started:
            for observer in self._observers:
                observer.on_end()
