"""Which trials count, and what becomes of those whose process is gone (trials 18 and 19)."""

from __future__ import annotations

import pytest
from optuna import Study

from graft.errors import GraftError
from graft.sweeps.plan import measure_of, plan_sweep
from graft.sweeps.space import Params, with_values
from graft.sweeps.storage import TrialStorage
from graft.sweeps.study import is_due, open_study, reap, settled
from graft.sweeps.work import Attempt, work
from graft.tracking.provenance import process_tags

from .conftest import parameters, plan


def die_in_a_trial(study: Study) -> None:
    """What a worker leaves that is killed while it computes a trial."""
    trial = study.ask()
    for dimension in plan().space:
        dimension.suggest(trial)
    trial.set_user_attr("worker", {**process_tags(), "process": "999999:1"})


def half(attempt: Attempt) -> float:
    return 0.5


@pytest.mark.filterwarnings("ignore:Heartbeat of storage")  # `ask` beats none
def test_the_trial_of_a_killed_worker_is_tried_again_once(storage: TrialStorage) -> None:
    study = open_study(plan(trials=3), storage)
    die_in_a_trial(study)
    assert [trial.state.name for trial in study.get_trials()] == ["RUNNING"]
    assert [trial.number for trial in reap(study, storage)] == [0]
    killed, again = study.get_trials()
    assert (killed.state.name, again.state.name) == ("FAIL", "WAITING")
    assert again.params == killed.params
    assert settled(study.get_trials()) == []

    die_in_a_trial(study)  # the same parameters
    reap(study, storage)
    assert [trial.state.name for trial in study.get_trials()] == ["FAIL", "FAIL"]
    assert [trial.number for trial in settled(study.get_trials())] == [1]  # it counts, as failed

    work(plan(trials=3), storage, half)
    assert [trial.number for trial in settled(study.get_trials())] == [1, 2, 3]
    assert not is_due(study, plan(trials=3))


def test_a_living_worker_is_left_alone(storage: TrialStorage) -> None:
    found = []

    def look(attempt: Attempt) -> float:
        study = open_study(plan(), storage)
        found.append((reap(study, storage), is_due(study, plan(trials=1))))
        return 0.5

    work(plan(trials=1), storage, look)
    assert found == [([], False)]


def changed(**values: object) -> Params:
    return with_values(parameters(), values)


def test_another_space_or_configuration_is_another_study() -> None:
    names = [
        plan_sweep(changed(**values), "digest", "accuracy").name
        for values in (
            {},
            {"sweep.space": {"training.batch_size": [32]}},
            {"training.epochs": 4},
            {"seed": 1},
            {"sweep.seeds": 5},
        )
    ]
    names.append(plan_sweep(parameters(), "other images", "accuracy").name)
    assert len(set(names)) == len(names)


def test_how_a_sweep_is_computed_makes_no_other_study() -> None:
    values = {"sweep.trials": 99, "sweep.workers": 4, "compute.threads": 2, "sweep.heartbeat": 5.0}
    same = plan_sweep(changed(**values), "digest", "accuracy")
    assert same.name == plan_sweep(parameters(), "digest", "accuracy").name
    assert same.trials == 99


def test_a_grid_has_no_more_trials_than_points() -> None:
    space = {"training.batch_size": [16, 32], "training.nesterov": [True, False]}
    wanted = changed(**{"sweep.sampler": "grid", "sweep.trials": 30})
    wanted["sweep"]["space"] = space
    assert plan_sweep(wanted, "digest", "accuracy").trials == 4


def test_the_measure_fits_the_task() -> None:
    assert measure_of("auto", multi_label=False) == "accuracy"
    assert measure_of("auto", multi_label=True) == "mean_average_precision"
    with pytest.raises(GraftError, match="one class each"):
        measure_of("mean_average_precision", multi_label=False)
