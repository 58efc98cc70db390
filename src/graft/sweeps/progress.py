"""Live progress of a sweep: a bar in a terminal, a line a trial in a log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graft.sweeps.plan import Plan
from graft.sweeps.study import REASON

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial
    from rich.progress import Progress

logger = logging.getLogger(__name__)


class SweepProgress:
    """Says of each settled trial how it ended, the best value so far and the time left.

    Args:
        plan: Of the sweep.
        measure: What a value is called.
    """

    def __init__(self, plan: Plan, measure: str) -> None:
        self._plan, self._measure = plan, measure
        self._told: set[int] | None = None
        self._started = time.monotonic()
        self._found = 0  # settled when this run began
        self._bar: Progress | None = None
        self._task: Any = None

    def __enter__(self) -> SweepProgress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeRemainingColumn,
            )

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            self._bar = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))
            self._task = self._bar.add_task("Sweep", total=self._plan.trials)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, trials: Sequence[FrozenTrial]) -> None:
        """Take note of all trials that are settled."""
        best = self._best(trials)
        if self._told is None:
            self._told, self._found = {trial.number for trial in trials}, len(trials)
            if trials:
                logger.info("The sweep goes on: %d of its trials are done.%s", len(trials), best)
        for trial in trials:
            if trial.number not in self._told:
                self._told.add(trial.number)
                logger.info(
                    "Trial %d (%d of %d) %s.%s%s",
                    trial.number,
                    len(self._told),
                    self._plan.trials,
                    self._ending(trial),
                    best,
                    self._time_left(len(trials)),
                    extra={"markup": False},
                )
        if self._bar is not None:
            self._bar.update(self._task, completed=len(trials), description=f"Sweep.{best}")

    def _ending(self, trial: FrozenTrial) -> str:
        match trial.state.name:
            case "COMPLETE":
                return f"has {self._measure} {trial.value:.4f} with {in_words(trial.params)}"
            case "PRUNED":
                return f"fell behind after epoch {trial.last_step}"
        return f"failed: {trial.user_attrs.get(REASON, 'its process died twice')}"

    def _best(self, trials: Sequence[FrozenTrial]) -> str:
        values = [trial.value for trial in trials if trial.state.name == "COMPLETE"]
        known = [value for value in values if value is not None]
        return f" The best so far: {self._plan.best_of(known):.4f}." if known else ""

    def _time_left(self, done: int) -> str:
        left = self._plan.trials - done
        seconds = (time.monotonic() - self._started) / max(1, done - self._found) * left
        if left <= 0:
            return ""
        minutes, rest = divmod(round(seconds), 60)
        return f" About {minutes} min {rest:02d} s left."


def in_words(values: Mapping[str, Any]) -> str:
    """Sampled values in a line: "learning_rate 0.001, batch_size 32"."""
    return ", ".join(
        f"{key.rpartition('.')[2]} {value:.3g}"
        if isinstance(value, float)
        else f"{key.rpartition('.')[2]} {value}"
        for key, value in values.items()
    )
