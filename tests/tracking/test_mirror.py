"""A tracking server that is away holds no run up, and gets everything when it is there again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator

import mlflow
import pytest
from mlflow import MlflowClient

from graft.tracking import mirror as module
from graft.tracking.delivery import Delivery
from graft.tracking.mirror import Mirror
from graft.tracking.outbox import SERVER_TAG, Outbox
from graft.tracking.provenance import process_tags

from .copies import assert_same, copies_of, record_run
from .servers import Gate, MlflowServer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    server = MlflowServer(tmp_path_factory.mktemp("server"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def gate(server: MlflowServer) -> Iterator[Gate]:
    gate = Gate(server.port)
    gate.open()
    yield gate
    gate.shut()


@pytest.fixture(autouse=True)
def _quickly(monkeypatch):
    """As `prepare_environment` sets it, and without long pauses; a busy machine is waited for."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")
    monkeypatch.setattr(module, "_INTERVAL", 0.1)
    monkeypatch.setattr(module, "_LONGEST_INTERVAL", 0.2)
    monkeypatch.setattr(module, "_LONGEST_SILENCE", 100.0)


def wait_for(condition) -> None:
    deadline = time.monotonic() + 200
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_curves_are_followed_and_go_on_while_the_server_is_away(
    store, server, gate, tmp_path, caplog
):
    here, there = MlflowClient(store), server.client
    caplog.set_level("INFO", logger=module.__name__)
    mirror = Mirror(store, gate.address)
    tags = {SERVER_TAG: gate.address, **process_tags()}
    with mlflow.start_run(tags=tags) as run:
        run_id = run.info.run_id

        def delivered(name: str) -> bool:
            return any(name in copy.data.metrics for copy in copies_of(run_id, there))

        mlflow.log_metric("before", 1.0)
        wait_for(lambda: delivered("before"))
        gate.be_silent()
        for step in range(20):  # ends although nobody answers
            mlflow.log_metric("silent", step, step=step)
        assert gate.refused_to_answer.wait(200)
        gate.shut()
        for step in range(20):
            mlflow.log_metric("refused", step, step=step)
        assert not delivered("silent")
        gate.open()
        wait_for(lambda: delivered("refused"))
    mirror.finish(seconds=200)
    assert_same(run_id, here, there)
    assert [record.levelname for record in caplog.records].count("WARNING") == 1, caplog.text
    assert caplog.records[-1].getMessage() == f"The run is at {mirror.page()}"


def test_the_end_does_not_wait_for_a_server_that_is_silent(store, gate, tmp_path, caplog):
    gate.be_silent()
    mirror = Mirror(store, gate.address)
    run_id = record_run(gate.address, tmp_path, **process_tags())
    assert gate.refused_to_answer.wait(200)
    mirror.finish(seconds=0.3)
    (record,) = [record for record in caplog.records if "Nothing is lost" in record.getMessage()]
    assert "kedro sync" in record.getMessage()
    assert Outbox(store, gate.address).ended_runs() == [run_id]


def test_the_next_run_delivers_what_an_earlier_one_could_not(store, server, gate, tmp_path):
    gate.shut()
    mirror = Mirror(store, gate.address)
    dead = {**process_tags(), "process": "1:1"}
    earlier = record_run(gate.address, tmp_path, **dead)
    mirror.finish(seconds=200)
    gate.open()
    mirror = Mirror(store, gate.address)
    wait_for(lambda: Outbox(store, gate.address).ended_runs() == [])
    mirror.finish(seconds=200)
    assert_same(earlier, MlflowClient(store), server.client)


def test_the_trials_of_a_sweep_follow_its_run(store, server, tmp_path):
    mirror = Mirror(store, server.address)
    tags = {SERVER_TAG: server.address, **process_tags()}
    with mlflow.start_run(tags=tags) as sweep:
        pass
    worker = {"process": "1:1", "works_for": process_tags()["process"]}
    trial = record_run(
        server.address, tmp_path, **worker, **{"mlflow.parentRunId": sweep.info.run_id}
    )
    mirror.finish(seconds=200)
    (parent,), (child,) = (
        copies_of(run_id, server.client) for run_id in (sweep.info.run_id, trial)
    )
    assert child.info.status == "FINISHED"
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert Outbox(store, server.address).ended_runs() == []
    assert mirror.page().endswith(parent.info.run_id)


def test_however_often_it_is_cut_off_the_server_gets_everything_once(store, server, gate, tmp_path):
    run_ids = [record_run(gate.address, tmp_path, points=40) for _ in range(2)]
    outbox, chance = Outbox(store, gate.address), random.Random(0)
    failures = 0
    for _ in range(60):
        cut = threading.Timer(chance.uniform(0, 0.4), gate.shut)
        cut.start()
        try:
            delivery = Delivery(outbox)
            for run_id in run_ids:
                delivery.deliver(run_id)
            break
        except Exception:
            failures += 1
        finally:
            cut.cancel()
            cut.join()
            gate.open()
    assert failures
    for run_id in run_ids:
        Delivery(outbox).deliver(run_id)
        assert_same(run_id, MlflowClient(store), server.client)


def test_a_server_killed_and_started_again_during_a_run(store, server, tmp_path):
    mirror = Mirror(store, server.address)
    tags = {SERVER_TAG: server.address, **process_tags()}
    with mlflow.start_run(tags=tags) as run:
        wait_for(lambda: copies_of(run.info.run_id, server.client))
        server.stop()
        mlflow.log_metrics({"loss": 1.0}, step=1)
        server.start()
        mlflow.log_metrics({"loss": 2.0}, step=2)
        wait_for(lambda: "loss" in copies_of(run.info.run_id, server.client)[0].data.metrics)
    mirror.finish(seconds=200)
    assert_same(run.info.run_id, MlflowClient(store), server.client)


def test_a_killed_run_is_delivered_by_a_later_sync_once(project, server, gate):
    gate.be_silent()
    address = {"MLFLOW_TRACKING_URI": gate.address}
    process = project.start(BEHAVIOUR="sleep", **address)
    project.wait_for_file("started", process)
    process.kill()
    process.communicate(timeout=120)
    assert project.statuses() == ["RUNNING"]
    (run,) = project.runs()
    gate.open()
    first, second = (project.kedro("sync", **address) for _ in range(2))
    assert first.returncode == 0, first.stdout
    assert "Of 1 runs 1 had something left" in first.stdout
    assert "Of 1 runs 0 had something left" in second.stdout
    here = MlflowClient(project.tracking_uri)
    assert here.get_run(run.info.run_id).info.status == "KILLED"
    assert_same(run.info.run_id, here, server.client)


def test_a_run_whose_server_is_away_ends_well_and_says_what_to_do(project, server, gate):
    (project.path / "conf/local/mlflow.yml").write_text(
        f"server: {{mlflow_tracking_uri: '{gate.address}'}}\n"
    )
    gate.shut()
    result = project.run("--pipeline=training", "-x", "short")
    assert result.returncode == 0, result.stdout
    assert "`kedro sync`" in result.stdout
    (run,) = project.runs()
    assert run.info.status == "FINISHED"
    gate.open()
    outbox = Outbox(project.tracking_uri, gate.address)
    assert outbox.ended_runs() == [run.info.run_id]
    Delivery(outbox).deliver(run.info.run_id)
    assert_same(run.info.run_id, MlflowClient(project.tracking_uri), server.client)


def test_without_a_server_sync_says_how_to_choose_one(project):
    result = project.kedro("sync")
    assert result.returncode == 1
    assert "MLFLOW_TRACKING_URI" in result.stdout.splitlines()[-1]
    assert "Traceback" not in result.stdout
