"""Which runs a server has yet to get, and who delivers them."""

from __future__ import annotations

import math
import os

import mlflow
import pytest
from mlflow import MlflowClient

from graft.tracking.outbox import SERVER_TAG, Outbox, page_on_server

SERVER = "http://lab.example"


@pytest.fixture
def outbox(store: str) -> Outbox:
    return Outbox(store, SERVER)


def make_run(**tags: str) -> str:
    with mlflow.start_run(tags={SERVER_TAG: SERVER, **tags}) as run:
        pass
    return str(run.info.run_id)


def test_only_runs_that_are_meant_for_the_server_go_there(outbox):
    ours = make_run()
    others = make_run(**{SERVER_TAG: "http://elsewhere.example"})
    with mlflow.start_run() as local:
        pass
    with mlflow.start_run(tags={SERVER_TAG: SERVER}) as running:
        assert outbox.ended_runs() == [ours]
        assert outbox.all_runs() == [ours, running.info.run_id]
    assert outbox.all_runs(include_others=True) == [
        ours,
        others,
        local.info.run_id,
        running.info.run_id,
    ]


def test_a_deleted_run_is_not_delivered(outbox):
    MlflowClient().delete_run(make_run())
    assert outbox.all_runs(include_others=True) == []


def test_the_runs_of_one_process_are_told_from_those_of_others(outbox):
    first, _, third = (make_run(process=process) for process in ("7:1", "7:2", "7:1"))
    assert outbox.runs_of("7:1") == [first, third]


def test_runs_of_workers_are_listed_until_all_of_them_is_sent(outbox):
    trial, other = (make_run(process="7:9", works_for=process) for process in ("7:1", "7:2"))
    assert outbox.runs_of("7:1") == []
    assert outbox.runs_of_workers("7:1") == [trial]
    info = MlflowClient().get_run(trial).info
    with outbox.locked(trial) as file:
        file.sent.ended = [info.status, info.end_time]
        file.save()
    assert outbox.runs_of_workers("7:1") == []
    assert outbox.ended_runs() == [other]


def test_points_are_listed_in_the_order_in_which_they_were_recorded(outbox):
    run_id = make_run()
    for step, value in enumerate([3.0, math.nan, 1.0, 2.0]):
        MlflowClient().log_metric(run_id, f"z{-step}", value, timestamp=9 - step, step=step)
    assert outbox.count_points(run_id) == 4
    points = outbox.points(run_id, 0, 3) + outbox.points(run_id, 3, 3)
    assert [point.step for point in points] == [0, 1, 2, 3]
    assert [repr(point.value) for point in points] == ["3.0", "nan", "1.0", "2.0"]


def test_one_process_at_a_time_delivers_a_run(outbox):
    run_id = make_run()
    with outbox.locked(run_id) as file, outbox.locked(run_id) as second:
        assert file is not None
        assert second is None
    with outbox.locked(run_id) as file:
        assert file is not None


def test_a_process_forked_meanwhile_does_not_keep_the_lock(outbox):
    run_id = make_run()
    reader, writer = os.pipe()
    with outbox.locked(run_id):
        child = os.fork()
        if child == 0:
            os.read(reader, 1)  # a worker of a loader, which outlives the delivery
            os._exit(0)
    with outbox.locked(run_id) as file:
        assert file is not None
    os.write(writer, b"x")
    os.waitpid(child, 0)


def test_what_was_sent_is_kept_for_each_server(outbox, store):
    run_id = make_run()
    with outbox.locked(run_id) as file:
        assert file is not None
        file.sent.run, file.sent.experiment, file.sent.metrics = "ab", "1", 7
        file.save()
    assert Outbox(store, SERVER).sent(run_id).metrics == 7
    assert Outbox(store, "http://elsewhere.example").sent(run_id).run is None
    run = MlflowClient().get_run(run_id)
    assert page_on_server(store, run) == f"{SERVER}/#/experiments/1/runs/ab"


def test_without_a_server_there_is_no_page_of_it(store):
    with mlflow.start_run() as run:
        assert page_on_server(store, run) is None
