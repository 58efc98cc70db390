"""Whole runs in processes of their own: what they leave in MLflow, however they end."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finished(make_project, made_database):
    """The project, the MLflow run and the output of a run that went well."""
    project = make_project(made_database)
    result = project.run("--pipeline=training", "-x", "short", "--params=seed=3")
    assert result.returncode == 0, result.stdout
    (run,) = project.runs()
    return project, run, result.stdout


def test_a_run_that_went_well_is_finished(finished):
    _, run, _ = finished
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "short"


def test_brackets_in_messages_are_no_markup(finished):
    _, _, output = finished
    assert "not read: [/b].png" in output


def test_parameters_are_recorded_one_by_one(finished):
    _, run, _ = finished
    assert run.data.params["training.epochs"] == "3"
    assert run.data.params["training.early_stopping_patience"] == "None"
    assert run.data.params["seed"] == "3"
    assert "training" not in run.data.params


def test_a_run_says_where_it_comes_from(finished):
    _, run, _ = finished
    tags = run.data.tags
    assert tags["experiment"] == "short"
    assert tags["command"].endswith("run --pipeline=training -x short --params=seed=3")
    assert {"host", "process", "python", "torch"} <= tags.keys()


def test_a_run_says_which_version_of_the_results_is_its_own(finished):
    project, run, _ = finished
    (version,) = project.path.glob("data/short/report.json/*")
    assert run.data.tags["version"] == version.name


def test_curves_have_one_point_an_epoch(finished):
    project, run, _ = finished
    from mlflow import MlflowClient

    history = MlflowClient(project.tracking_uri).get_metric_history(
        run.info.run_id, "cnn/train_loss"
    )
    assert [(point.step, point.value) for point in history] == [(1, 1.0), (2, 0.5), (3, 1 / 3)]
    assert "cnn/validation_loss" not in run.data.metrics


def test_metrics_and_artifacts_are_recorded_as_the_catalog_asks(finished):
    project, run, _ = finished
    assert run.data.metrics["test/cnn/accuracy"] == 0.9
    assert run.data.metrics["test/cnn/classes/a_ b"] == 1.0
    folder = Path(run.info.artifact_uri.removeprefix("file://"))
    assert [path.name for path in (folder / "files").iterdir()] == ["report.json"]
    assert json.loads((folder / "files/report.json").read_text()) == {"seed": 3}
    assert list(project.path.glob("data/short/report.json/*/report.json"))


def test_nothing_in_the_output_worries_the_user(finished):
    _, _, output = finished
    assert "Running node" in output
    assert "WARNING" not in output
    assert "deprecated" not in output.lower()


def test_an_exception_makes_a_run_failed(project):
    result = project.run(BEHAVIOUR="raise")
    assert result.returncode == 1
    assert "broken node" in result.stdout
    assert project.statuses() == ["FAILED"]


def test_a_users_mistake_in_a_node_is_shown_without_a_traceback(project):
    result = project.run(BEHAVIOUR="mistake")
    assert result.returncode == 1
    assert "training.epochs: too many" in result.stdout.splitlines()[-1]
    assert "Traceback" not in result.stdout
    assert project.statuses() == ["FAILED"]


def test_wrong_parameters_end_before_a_run_begins(project):
    result = project.run("--params=training.learnig_rate=1")
    assert result.returncode == 1
    assert "did you mean 'learning_rate'?" in result.stdout
    assert not (project.path / "started").exists()
    assert project.statuses() == []


@pytest.mark.parametrize(
    ("interruption", "exit_code"),
    [(signal.SIGINT, 1), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_an_interrupted_run_is_killed_and_not_finished(project, interruption, exit_code):
    process = project.start_sleeping()
    process.send_signal(interruption)
    process.communicate(timeout=120)
    assert process.returncode == exit_code
    assert project.statuses() == ["KILLED"]


def test_a_run_killed_without_warning_is_reaped_by_the_next(project):
    process = project.start_sleeping()
    process.kill()
    process.communicate(timeout=120)
    assert project.statuses() == ["RUNNING"]
    assert project.run().returncode == 0
    assert project.statuses() == ["KILLED", "FINISHED"]


def test_a_run_that_is_alive_is_not_reaped_by_another(project):
    process = project.start_sleeping()
    try:
        assert project.run().returncode == 0
        assert project.statuses() == ["RUNNING", "FINISHED"]
    finally:
        process.kill()
        process.communicate(timeout=120)


def test_the_environments_tracking_store_is_used(project):
    elsewhere = f"sqlite:///{project.path / 'elsewhere.db'}"
    (project.path / "mlflow.db").rename(project.path / "elsewhere.db")
    assert project.run(MLFLOW_TRACKING_URI=elsewhere).returncode == 0
    assert [run.info.status for run in project.runs(elsewhere)] == ["FINISHED"]
    assert not (project.path / "mlflow.db").exists()


def test_two_first_runs_at_once_both_succeed(make_project):
    project = make_project()
    processes = [project.start() for _ in range(2)]
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert project.statuses() == ["FINISHED", "FINISHED"]


def test_a_first_run_killed_while_it_makes_the_database_does_not_hinder_the_next(make_project):
    project = make_project()
    process = project.start()
    project.wait_for_file("mlflow.db.partial", process)
    time.sleep(0.5)  # amid the tables
    process.kill()
    process.communicate(timeout=120)
    assert not (project.path / "mlflow.db").exists()
    assert project.run().returncode == 0
    assert project.statuses() == ["FINISHED"]


SEVERAL_RUNS_IN_ONE_PROCESS = """
import os
from pathlib import Path
from kedro.framework.session import KedroServiceSession
from kedro.framework.startup import bootstrap_project

bootstrap_project(Path.cwd())
with KedroServiceSession.create() as session:
    session.run(runtime_params={"experiment": "short"})
    os.environ["BEHAVIOUR"] = "interrupt"  # Ctrl-C in a notebook
    try:
        session.run()
    except KeyboardInterrupt:
        os.environ["BEHAVIOUR"] = ""
    session.run()
"""


def test_runs_in_one_process_do_not_mix_also_after_an_interruption(project):
    result = project.python(SEVERAL_RUNS_IN_ONE_PROCESS)
    assert result.returncode == 0, result.stdout + result.stderr
    runs = project.runs()
    assert [run.info.run_name for run in runs] == ["short", "digits", "digits"]
    assert [run.info.status for run in runs] == ["FINISHED", "KILLED", "FINISHED"]
    assert [run.data.tags["experiment"] for run in runs] == ["short", "digits", "digits"]
    assert runs[0].data.params["training.epochs"] == "3"
