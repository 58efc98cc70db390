"""The trials of a sweep as MLflow's children of its run."""

from __future__ import annotations

import mlflow
import optuna
import pytest
from mlflow.entities import Run

from graft.errors import GraftError
from graft.tracking.provenance import process_tags
from graft.tracking.trials import ParentRun, child_run, end_of_dead, parent_run

pytestmark = pytest.mark.usefixtures("store")


@pytest.fixture
def parent(store: str) -> ParentRun:
    """A sweep's run, in another process as it were."""
    with mlflow.start_run(tags={"experiment": "digits_sweep", "version": "now"}):
        found = parent_run()
    assert found is not None
    return found


def children(parent: ParentRun) -> list[Run]:
    client = mlflow.MlflowClient()
    its = f"tags.`mlflow.parentRunId` = '{parent.run_id}'"
    return list(client.search_runs([parent.experiment_id], filter_string=its))


def test_a_trial_is_a_child_with_what_was_sampled(parent: ParentRun) -> None:
    with child_run(parent, "trial 7", {"training.batch_size": 32}) as run:
        run.record({"validation_accuracy": 0.5})
    (child,) = children(parent)
    assert (child.info.run_name, child.info.status) == ("trial 7", "FINISHED")
    assert child.data.params == {"training.batch_size": "32"}
    assert child.data.metrics == {"validation_accuracy": 0.5}
    assert child.data.tags["experiment"] == "digits_sweep"
    assert child.data.tags["process"] == process_tags()["process"]  # so that it can be reaped
    assert child.data.tags["works_for"] == process_tags()["process"]  # here the sweep's, too
    assert "version" not in child.data.tags  # results of its own it has none
    assert mlflow.active_run() is None


@pytest.mark.parametrize(
    ("error", "status", "state"),
    [
        (optuna.TrialPruned(), "KILLED", "pruned"),
        (KeyboardInterrupt(), "KILLED", "stopped"),
        (GraftError("Images are too small."), "FAILED", "failed"),
        (MemoryError("no more"), "FAILED", "failed"),
    ],
)
def test_it_ends_as_the_trial_ends(
    parent: ParentRun, error: BaseException, status: str, state: str
) -> None:
    with pytest.raises(type(error)), child_run(parent, "trial 0", {}):
        raise error
    (child,) = children(parent)
    assert (child.info.status, child.data.tags["trial_state"]) == (status, state)
    assert child.data.tags["reason"] == (str(error) if state == "failed" else "")


def test_the_run_of_a_dead_process_is_ended(parent: ParentRun) -> None:
    run = mlflow.MlflowClient().create_run(parent.experiment_id)
    end_of_dead(parent, run.info.run_id)
    assert mlflow.get_run(run.info.run_id).info.status == "KILLED"


def test_without_tracking_nothing_is_recorded(store: str) -> None:
    assert parent_run() is None
    with child_run(None, "trial 0", {}) as run:
        run.record({"value": 1.0})
    assert run.run_id is None
    assert mlflow.MlflowClient().search_runs(["0", "1"]) == []


def test_a_store_that_is_away_costs_the_record_and_not_the_trial(
    parent: ParentRun, caplog: pytest.LogCaptureFixture
) -> None:
    with child_run(parent._replace(experiment_id="99"), "trial 0", {}) as run:
        run.record({"value": 1.0})
    assert "could not be recorded" in caplog.text


@pytest.mark.parametrize("broken", ["log_params", "flush_async_logging"])
def test_a_store_that_breaks_off_leaves_no_run_open(
    parent: ParentRun, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """MLflow begins no second run while one is open: the worker's next trial would fail."""

    def break_off(*_: object) -> None:
        raise mlflow.MlflowException("the store is away")

    monkeypatch.setattr(mlflow, broken, break_off)
    with child_run(parent, "trial 0", {"training.batch_size": 32}):
        pass
    assert mlflow.active_run() is None
    (child,) = children(parent)
    assert child.info.status == "FINISHED"
