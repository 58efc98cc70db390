"""A stop reaches a worker at any moment, and is neither lost nor a trial's death."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import optuna
import pytest

from graft import interruption
from graft.pipelines import from_parameters
from graft.sweeps import work as module
from graft.sweeps.storage import TrialStorage
from graft.sweeps.study import open_study
from graft.sweeps.trials import SweepJob, TrainedTrial
from graft.sweeps.work import Attempt, work
from graft.sweeps.workers import obey_the_parent
from graft.training.loop import EpochRecord

from .conftest import parameters, plan

RECORD = EpochRecord(1, 1.0, 0.4, 0.9, 0.6, 0.7, 0.01, 100.0, 1.0)


@pytest.fixture(autouse=True)
def _as_a_worker() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR2)
    before = {number: signal.getsignal(number) for number in numbers}
    obey_the_parent()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def stop(times: int = 1) -> None:
    for _ in range(times):
        signal.raise_signal(signal.SIGTERM)


def trials(storage: TrialStorage) -> list[Any]:
    return open_study(plan(), storage).get_trials()


def states(storage: TrialStorage) -> list[str]:
    return [trial.state.name for trial in trials(storage)]


@pytest.mark.parametrize("times", [1, 2])
def test_a_stop_in_the_last_validation_is_heeded_after_the_trial(
    storage: TrialStorage, times: int
) -> None:
    """Twice: a scheduler asks all processes, and the parent asks its workers."""

    def train(attempt: Attempt) -> float:
        with interruption.at_once(), interruption.deferred():
            stop(times)  # no batch follows that would look
        return 0.5

    with pytest.raises(KeyboardInterrupt):
        work(plan(trials=3), storage, train)
    assert states(storage) == ["COMPLETE"]
    assert not interruption.requested()


@pytest.mark.parametrize(
    ("place", "name"), [(optuna.Study, "ask"), (module, "mark_as_own"), (module, "mark_as_stopped")]
)
def test_a_stop_while_a_trial_is_written_down_puts_it_back(
    storage: TrialStorage, monkeypatch: pytest.MonkeyPatch, place: Any, name: str
) -> None:
    write: Callable[..., Any] = getattr(place, name)

    def write_and_stop(*arguments: Any) -> Any:
        written = write(*arguments)
        stop(2)
        return written

    def train(attempt: Attempt) -> float:
        assert name == "mark_as_stopped", "it goes on"
        raise KeyboardInterrupt

    monkeypatch.setattr(place, name, write_and_stop)
    with pytest.raises(KeyboardInterrupt):
        work(plan(trials=3), storage, train)
    stopped, again = trials(storage)
    assert (stopped.state.name, again.state.name) == ("FAIL", "WAITING")
    assert again.params == stopped.params
    assert again.system_attrs["deaths"] == 0


@pytest.mark.parametrize("is_in_the_loop", [True, False])
def test_a_stop_leaves_the_seeds_that_are_missing(
    storage: TrialStorage, monkeypatch: pytest.MonkeyPatch, is_in_the_loop: bool
) -> None:
    """One outside of the loop does not wait for it: features may take minutes there."""
    begun = []

    def train(*_: Any, observers: Any) -> None:
        begun.append(len(begun))
        if not is_in_the_loop:
            stop()
            pytest.fail("it goes on")
        with interruption.deferred():
            stop()
            observers[-1].on_epoch(RECORD)

    monkeypatch.setattr(from_parameters, "train_from_parameters", train)
    wanted = plan(trials=2, seeds=3)
    store: Any = None
    job = SweepJob(wanted, storage, store, {}, parameters(), "accuracy", None)
    with pytest.raises(KeyboardInterrupt):
        work(wanted, storage, TrainedTrial(job, {}))
    assert begun == [0]
    assert states(storage) == ["FAIL", "WAITING"]
