"""Workers reach the planned number of settled trials, whatever becomes of single ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import optuna
import pytest
import torch

from graft.errors import GraftError
from graft.sweeps.space import read_space
from graft.sweeps.storage import TrialStorage
from graft.sweeps.study import SCORES, open_study, settled
from graft.sweeps.work import Attempt, work

from .conftest import plan


def score(attempt: Attempt) -> float:
    """Best at a rate of 0.7."""
    value = 1 - abs(attempt.values["training.learning_rate"] - 0.7)
    attempt.note(**{SCORES: [value]})
    return value


def trials(storage: TrialStorage, **changes: Any) -> list[Any]:
    return open_study(plan(**changes), storage).get_trials()


def states(storage: TrialStorage) -> list[str]:
    return [trial.state.name for trial in trials(storage)]


@pytest.mark.parametrize("sampler", ["tpe", "gp"])
def test_the_planned_number_is_reached(storage: TrialStorage, sampler: str) -> None:
    work(plan(sampler=sampler, trials=11), storage, score)  # ten are sampled at random
    assert states(storage) == ["COMPLETE"] * 11


def test_a_grid_is_gone_through_once(storage: TrialStorage) -> None:
    space = read_space({"training.batch_size": [16, 32], "model.options.wide": [True, False]})
    seen = []
    work(
        plan(sampler="grid", space=space, trials=4),
        storage,
        lambda attempt: seen.append(tuple(attempt.values.values())) or 0.5,
    )
    assert sorted(seen) == [(16, False), (16, True), (32, False), (32, True)]


def test_a_sweep_goes_on_to_the_planned_number(storage: TrialStorage) -> None:
    work(plan(trials=3), storage, score)
    work(plan(trials=5), storage, score)
    assert len(trials(storage)) == 5
    rates = {trial.params["training.learning_rate"] for trial in trials(storage)}
    assert len(rates) == 5  # what is gone on with does not sample the same again


def test_one_worker_samples_the_same_again(storage: TrialStorage) -> None:
    for name in ("first", "second"):
        work(plan(name=name, trials=3), storage, score)
    first, second = (
        [trial.params for trial in trials(storage, name=name)] for name in ("first", "second")
    )
    assert first == second


def raising(error: Callable[[], BaseException]) -> Callable[[Attempt], float]:
    """An objective that fails for every second trial."""

    def objective(attempt: Attempt) -> float:
        if attempt.number % 2:
            raise error()
        return score(attempt)

    return objective


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (lambda: torch.OutOfMemoryError("CUDA out of memory"), "OutOfMemoryError: CUDA"),
        (MemoryError, "MemoryError"),
        (lambda: RuntimeError("DefaultCPUAllocator: can't allocate memory"), "can't allocate"),
        (lambda: GraftError("Images are too small."), "Images are too small."),
    ],
)
def test_parameters_that_fail_are_a_failed_trial_with_its_reason(
    storage: TrialStorage, error: Callable[[], BaseException], reason: str
) -> None:
    work(plan(trials=4), storage, raising(error))
    assert states(storage) == ["COMPLETE", "FAIL"] * 2
    assert reason in trials(storage)[1].user_attrs["reason"]


def test_a_mistake_in_the_program_ends_the_worker(storage: TrialStorage) -> None:
    with pytest.raises(TypeError, match="broken"):
        work(plan(), storage, raising(lambda: TypeError("broken")))
    assert states(storage) == ["COMPLETE", "FAIL"]
    assert len(settled(trials(storage))) == 1  # it is to be tried again


def test_a_stop_puts_the_trial_back_and_leaves_none_running(storage: TrialStorage) -> None:
    def stop_once(attempt: Attempt) -> float:
        if attempt.number == 1:
            raise KeyboardInterrupt
        return score(attempt)

    with pytest.raises(KeyboardInterrupt):
        work(plan(trials=3), storage, stop_once)
    assert states(storage) == ["COMPLETE", "FAIL", "WAITING"]
    work(plan(trials=3), storage, score)
    assert states(storage) == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    _, stopped, again, _ = trials(storage)
    assert again.params == stopped.params


def test_a_stop_just_after_a_trial_does_not_repeat_it(
    storage: TrialStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(optuna.Study, "_log_completed_trial", stop)
    with pytest.raises(KeyboardInterrupt):
        work(plan(trials=2), storage, score)
    assert states(storage) == ["COMPLETE"]


def test_a_value_that_is_no_number_is_a_failed_trial(storage: TrialStorage) -> None:
    """Else such trials would be started without end."""
    work(plan(trials=2), storage, lambda _: math.nan)
    assert states(storage) == ["FAIL"] * 2


def test_what_falls_behind_is_pruned_by_its_epochs(storage: TrialStorage) -> None:
    def by_epoch(attempt: Attempt) -> float:
        level = 0.9 if attempt.number < 6 else 0.1
        for epoch in range(1, 5):
            attempt.report(epoch, level)
        return level

    work(plan(pruner="median", epochs=4, trials=8), storage, by_epoch)
    assert states(storage) == ["COMPLETE"] * 6 + ["PRUNED"] * 2
    assert list(trials(storage)[-1].intermediate_values) == [1, 2]  # the first is let pass


def test_only_the_best_so_far_are_promising(storage: TrialStorage) -> None:
    first = [0.5, 0.4, 0.6, 0.45, 0.7]
    promising = []

    def objective(attempt: Attempt) -> float:
        value = first[attempt.number]
        promising.append(attempt.is_promising(value))
        attempt.note(**{SCORES: [value, 0.0]})  # the mean must not count
        return value

    work(plan(trials=5, promising=1), storage, objective)
    assert promising == [True, False, True, False, True]
