"""A run's status is true, whatever happened to its process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import mlflow
import pytest
from mlflow import MlflowClient

from graft.tracking.provenance import process_tags
from graft.tracking.status import RunStatus, reap_stale_runs


@pytest.fixture
def status():
    status = RunStatus()
    yield status
    status.disarm()


def status_of(run: mlflow.ActiveRun) -> str:
    return mlflow.get_run(run.info.run_id).info.status


def test_an_interruption_kills_the_run_and_the_runs_in_it(store, status):
    status.arm()
    run = mlflow.start_run()
    child = mlflow.start_run(nested=True)
    status.end_interrupted()
    assert (status_of(run), status_of(child)) == ("KILLED", "KILLED")
    assert mlflow.active_run() is None


def test_after_the_pipeline_nothing_is_killed(store, status):
    status.arm()
    status.disarm()
    run = mlflow.start_run()
    status.end_interrupted()
    assert status_of(run) == "RUNNING"


def test_a_fork_does_not_kill_the_run_of_its_parent(store, status):
    status.arm()
    run = mlflow.start_run()
    child = os.fork()
    if child == 0:
        status.end_interrupted()
        os._exit(0)
    os.waitpid(child, 0)
    assert status_of(run) == "RUNNING"


def test_signal_handlers_are_lent_and_given_back(status):
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    status.arm()
    with pytest.raises(SystemExit) as caught:
        os.kill(os.getpid(), signal.SIGTERM)
    assert caught.value.code == 143
    status.disarm()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_handler_that_somebody_else_has_set_stays(status, monkeypatch):
    previous = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        status.arm()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
        status.disarm()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, previous)


def test_only_runs_of_dead_processes_on_this_host_are_reaped(store):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    here = process_tags()
    client = MlflowClient()
    experiment = client.get_experiment_by_name("graft").experiment_id
    tags = {
        "dead": {**here, "process": f"{ended.pid}:1"},
        "alive": here,
        "elsewhere": {"host": "another-host", "process": f"{ended.pid}:1"},
        "foreign": {},
    }
    runs = {name: client.create_run(experiment, tags=tags[name]) for name in tags}
    reap_stale_runs("graft")
    statuses = {name: client.get_run(run.info.run_id).info.status for name, run in runs.items()}
    assert statuses == {
        "dead": "KILLED",
        "alive": "RUNNING",
        "elsewhere": "RUNNING",
        "foreign": "RUNNING",
    }


def test_runs_of_an_earlier_start_of_the_same_job_are_reaped_on_any_host(store, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    elsewhere = {"host": "another-host", "process": "1:1"}
    client = MlflowClient()
    experiment = client.get_experiment_by_name("graft").experiment_id
    tags = {
        "earlier": {**elsewhere, "slurm_job": "7", "slurm_start": "0"},
        "beside": process_tags(),
        "other": {**elsewhere, "slurm_job": "8", "slurm_start": "0"},
    }
    runs = {name: client.create_run(experiment, tags=tags[name]) for name in tags}
    reap_stale_runs("graft")
    statuses = {name: client.get_run(run.info.run_id).info.status for name, run in runs.items()}
    assert statuses == {"earlier": "KILLED", "beside": "RUNNING", "other": "RUNNING"}


def test_an_experiment_that_does_not_exist_has_nothing_to_reap(store):
    reap_stale_runs("never made")
