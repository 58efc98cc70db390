"""A worker: one trial after the other until as many are settled as were planned."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graft import interruption
from graft.errors import GraftError
from graft.sweeps.plan import Plan
from graft.sweeps.space import Values
from graft.sweeps.study import (
    REASON,
    again,
    is_due,
    is_promising,
    mark_as_own,
    mark_as_stopped,
    open_study,
    settled,
)

if TYPE_CHECKING:
    from optuna import Study, Trial

    from graft.sweeps.storage import TrialStorage, Turn

logger = logging.getLogger(__name__)

# What is wrong with a trial's parameters and not with the program: they cannot be combined, the
# weights diverge, memory does not suffice. torch says all that it cannot do by a RuntimeError.
_OF_THE_TRIAL = (GraftError, MemoryError, RuntimeError, OSError)


class TrialError(Exception):
    """A trial's parameters are no good; the reason stands in the trial."""


@dataclass
class Attempt:
    """A trial as its objective sees it.

    Attributes:
        number: Of the trial.
        values: What was sampled, by dotted names.
    """

    number: int
    values: Values
    _trial: Trial
    _plan: Plan
    _reported: list[float] = field(default_factory=list)

    def report(self, epoch: int, score: float) -> None:
        """Say how good the trial is after an epoch, counted from 1.

        Raises:
            TrialPruned: It falls behind the others.
        """
        import optuna

        self._reported.append(score)
        self._trial.report(score, epoch)
        if epoch < self._plan.epochs and self._trial.should_prune():
            raise optuna.TrialPruned

    @property
    def best_reported(self) -> float:
        """The best of the epochs."""
        return self._plan.best_of(self._reported)

    def is_promising(self, score: float) -> bool:
        """Whether the trial is worth further seeds."""
        return is_promising(self._trial.study, self._plan, score)

    def note(self, **attributes: object) -> None:
        """Leave JSON values in the trial."""
        for name, value in attributes.items():
            self._trial.set_user_attr(name, value)


Objective = Callable[[Attempt], float]


def work(plan: Plan, storage: TrialStorage, objective: Objective, worker: int = 0) -> None:
    """Start trials until enough are settled or under way.

    What fails for a reason that lies in its parameters is a failed trial. Any other error ends the
    worker, as does a stop: before a trial's objective, after it, or where the objective allows it
    (see `graft.interruption`), but not amid what is written into the study.

    Args:
        plan: The plan.
        storage: Where the study is kept.
        objective: Gives a trial's value, or raises what `Attempt.report` does.
        worker: Its number on this host.

    Raises:
        KeyboardInterrupt: It was asked to stop; a trial that was not done is in the queue again.
    """
    study = open_study(plan, storage, worker)
    with interruption.deferred():
        while True:
            # Whether a trial is due, and which, is decided by one worker at a time: so none is one
            # too many, and each sampler knows what the others are at.
            with storage.turn() as turn:
                _leave_if_asked()
                if not is_due(study, plan):
                    return
                _run_one(study, plan, objective, turn)


def _run_one(study: Study, plan: Plan, objective: Objective, turn: Turn) -> None:
    import optuna

    started: list[int] = []

    def attempt(trial: Trial) -> float:
        started.append(trial.number)
        values = {dimension.key: dimension.suggest(trial) for dimension in plan.space}
        mark_as_own(trial)
        turn.end()
        try:
            _leave_if_asked()
            value = objective(Attempt(trial.number, values, trial, plan))
            if math.isnan(value):
                raise GraftError("Its value is no number.")
            return value
        except _OF_THE_TRIAL as error:
            reason = _in_a_line(error)
        except KeyboardInterrupt:
            mark_as_stopped(trial)
            raise
        _free_memory()  # here, where the error and with it all that its frames held are gone
        trial.set_user_attr(REASON, reason)
        raise TrialError(reason)

    try:
        study.optimize(attempt, n_trials=1, catch=(TrialError,))
    except KeyboardInterrupt:
        for number in started:
            if study.trials[number].state.name == "RUNNING":
                study.tell(number, state=optuna.trial.TrialState.FAIL)
            trial = study.trials[number]
            if not settled([trial]):  # it may just have been done
                again(study, trial)
        raise


def _leave_if_asked() -> None:
    if interruption.requested():
        interruption.interrupt()


def _in_a_line(error: BaseException) -> str:
    """What happened, without the pages that CUDA adds."""
    words = " ".join(str(error).split())[:300]
    kind = type(error).__name__
    if kind == "GraftError" or isinstance(error, GraftError):
        return words
    return f"{kind}: {words}" if words else kind


def _free_memory() -> None:
    import gc
    import sys

    gc.collect()
    if (torch := sys.modules.get("torch")) is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
