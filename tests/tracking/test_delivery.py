"""A server gets all of a run, once, wherever a delivery was interrupted."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient

from graft.bundle import save_bundle
from graft.tracking.delivery import Delivery
from graft.tracking.models import record_model
from graft.tracking.outbox import SERVER_TAG, Outbox

from ..bundle.making import network_bundle
from .copies import assert_same, copies_of, record_run

# What changes something on a server.
CHANGES = (
    "create_run",
    "log_batch",
    "log_inputs",
    "log_artifact",
    "set_terminated",
    "create_logged_model",
    "log_model_artifacts",
    "log_model_artifact",
    "finalize_logged_model",
    "log_outputs",
    "create_registered_model",
    "create_model_version",
)


class AwayError(Exception):
    """Of a server."""


@pytest.fixture
def server(made_database: Path, tmp_path: Path) -> str:
    """The address of what stands for a server: another database, which needs no process."""
    shutil.copy(made_database, tmp_path / "server.db")
    return f"sqlite:///{tmp_path / 'server.db'}"


@pytest.fixture
def outbox(store: str, server: str) -> Outbox:
    return Outbox(store, server)


@pytest.fixture
def here(store: str) -> MlflowClient:
    return MlflowClient(store)


@pytest.fixture
def there(server: str) -> MlflowClient:
    return MlflowClient(server, server)


def test_a_copy_is_the_same_and_delivered_twice_is_one(outbox, here, there, tmp_path):
    run_id = record_run(outbox.server, tmp_path)
    assert Delivery(outbox).deliver(run_id) == "sent"
    copy = assert_same(run_id, here, there)
    assert copy.info.end_time is not None
    delivery = Delivery(outbox)
    assert [delivery.deliver(run_id), delivery.deliver(run_id)] == ["same", "same"]
    assert_same(run_id, here, there)


def test_a_lost_note_of_what_was_sent_makes_no_second_copy(outbox, here, there, tmp_path):
    run_id = record_run(outbox.server, tmp_path)
    Delivery(outbox).deliver(run_id)
    (note,) = (tmp_path / "mlflow.db.sent").rglob("*.json")
    for content in (note.read_text()[:-10], ""):
        note.write_text(content)  # torn, or never written
        Delivery(outbox).deliver(run_id)
        assert_same(run_id, here, there)


@pytest.mark.slow
@pytest.mark.parametrize("took_effect", [False, True])
def test_each_kind_of_request_may_fail_twice(
    outbox, here, there, tmp_path, monkeypatch, took_effect
):
    """Before the server has done what it was asked to, or when only its answer is lost."""
    folder = tmp_path / "bundle"
    save_bundle(folder, network_bundle())
    run_id = record_run(outbox.server, tmp_path)
    with mlflow.start_run(run_id):
        record_model(folder, "pets")
    failures: list[str] = []

    def flaky(name):
        request = getattr(MlflowClient, name)

        def at_first(client, *arguments, **options):
            if client.tracking_uri != outbox.server or failures.count(name) == 2:
                return request(client, *arguments, **options)
            failures.append(name)
            if took_effect:
                request(client, *arguments, **options)
            raise AwayError

        return at_first

    for name in CHANGES:
        monkeypatch.setattr(MlflowClient, name, flaky(name))
    mlflow.set_tracking_uri(outbox.server)  # where a database, unlike a server, looks for models
    for _ in range(2 * len(CHANGES) + 1):
        with contextlib.suppress(AwayError):
            Delivery(outbox).deliver(run_id)
    assert set(failures) == set(CHANGES)
    copy = assert_same(run_id, here, there)
    (model,) = there.search_logged_models([copy.info.experiment_id])
    assert model.source_run_id == copy.info.run_id
    assert str(model.status) == "READY"
    (version,) = there.search_model_versions("name = 'pets'")
    assert (version.run_id, version.source) == (copy.info.run_id, f"models:/{model.model_id}")


@pytest.mark.slow
def test_a_delivered_model_predicts_and_names_the_copy(outbox, there, tmp_path):
    folder = tmp_path / "bundle"
    save_bundle(folder, network_bundle())
    run_id = record_run(outbox.server, tmp_path)
    with mlflow.start_run(run_id):
        record_model(folder, "pets")
    mlflow.set_tracking_uri(outbox.server)  # where a database, unlike a server, looks for models
    Delivery(outbox).deliver(run_id)
    (copy,) = copies_of(run_id, there)
    described = mlflow.models.get_model_info("models:/pets/1")
    assert described.run_id == copy.info.run_id
    loaded = mlflow.pyfunc.load_model("models:/pets/1")
    assert loaded.predict(pd.DataFrame({"image": [""]}))[0]["error"]


def test_a_model_in_the_making_is_delivered_once_it_is_made(outbox, here, there, tmp_path):
    """Else the server would keep a part of its files for ever."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model/MLmodel").write_text("flavors: {}\n")
    with mlflow.start_run(tags={SERVER_TAG: outbox.server}) as run:
        model = here.create_logged_model(run.info.experiment_id, "pets", run.info.run_id)
        here.log_model_artifacts(model.model_id, str(tmp_path / "model"))
        delivery = Delivery(outbox)
        delivery.deliver(run.info.run_id)
        (copy,) = copies_of(run.info.run_id, there)
        assert there.search_logged_models([copy.info.experiment_id]) == []
        (tmp_path / "model/weights").write_text("all")
        here.log_model_artifacts(model.model_id, str(tmp_path / "model"))
        here.finalize_logged_model(model.model_id, "READY")
    delivery.deliver(run.info.run_id)
    (sent,) = there.search_logged_models([copy.info.experiment_id])
    assert str(sent.status) == "READY"
    assert {file.path for file in there.list_logged_model_artifacts(sent.model_id)} == {
        "MLmodel",
        "weights",
    }


def test_what_is_recorded_meanwhile_follows(outbox, here, there, tmp_path):
    delivery = Delivery(outbox)
    with mlflow.start_run(tags={SERVER_TAG: outbox.server}) as run:
        run_id = run.info.run_id
        (tmp_path / "a.txt").write_text("one")
        mlflow.log_artifact(str(tmp_path / "a.txt"))
        delivery.deliver(run_id)
        assert assert_same(run_id, here, there).info.status == "RUNNING"
        mlflow.log_metric("loss", 1.0, step=3)
        mlflow.set_tag("note", "new")
        (tmp_path / "a.txt").write_text("two!")
        mlflow.log_artifact(str(tmp_path / "a.txt"))
        assert delivery.deliver(run_id) == "sent"
        assert_same(run_id, here, there)
    delivery.deliver(run_id)
    assert assert_same(run_id, here, there).info.status == "FINISHED"
    here.set_terminated(run_id, "KILLED")
    Delivery(outbox).deliver(run_id)
    assert assert_same(run_id, here, there).info.status == "KILLED"


def test_many_points_are_sent_in_order_and_once(outbox, here, there, tmp_path, monkeypatch):
    run_id = record_run(outbox.server, tmp_path, points=0)
    points = [mlflow.entities.Metric("loss", float(n), n, n) for n in range(2500)]
    for first in range(0, 2500, 1000):
        here.log_batch(run_id, metrics=points[first : first + 1000])
    Delivery(outbox).deliver(run_id)
    assert_same(run_id, here, there)
    here.log_metric(run_id, "loss", 7.0, step=2500)
    requests = []
    log_batch = MlflowClient.log_batch
    monkeypatch.setattr(
        MlflowClient,
        "log_batch",
        lambda *given, **named: requests.append(named) or log_batch(*given, **named),
    )
    Delivery(outbox).deliver(run_id)
    assert [[point.value for point in named["metrics"]] for named in requests] == [[7.0]]


def test_a_child_stays_its_parents_child(outbox, here, there, tmp_path):
    with mlflow.start_run(tags={SERVER_TAG: outbox.server}) as parent:
        pass
    child = record_run(outbox.server, tmp_path, **{"mlflow.parentRunId": parent.info.run_id})
    Delivery(outbox).deliver(child)
    Delivery(outbox).deliver(parent.info.run_id)
    (parents_copy,) = copies_of(parent.info.run_id, there)
    (childs_copy,) = copies_of(child, there)
    assert childs_copy.data.tags["mlflow.parentRunId"] == parents_copy.info.run_id
    assert parents_copy.info.status == "FINISHED"


def test_two_deliveries_at_once_make_one_copy(outbox, here, there, tmp_path):
    run_id = record_run(outbox.server, tmp_path)
    with outbox.locked(run_id):
        assert Delivery(outbox).deliver(run_id) == "busy"
    assert copies_of(run_id, there) == []
    with mlflow.start_run(tags={SERVER_TAG: outbox.server}) as parent:
        pass
    child = record_run(outbox.server, tmp_path, **{"mlflow.parentRunId": parent.info.run_id})
    with outbox.locked(parent.info.run_id):
        assert Delivery(outbox).deliver(child) == "busy"
    assert copies_of(child, there) == []


def test_a_copy_made_for_a_request_that_was_given_up_goes(outbox, here, there, tmp_path):
    with mlflow.start_run(tags={SERVER_TAG: outbox.server}) as run:
        run_id = run.info.run_id
        Delivery(outbox).deliver(run_id)
        (copy,) = copies_of(run_id, there)
        there.create_run(copy.info.experiment_id, tags=copy.data.tags)
    Delivery(outbox).deliver(run_id)
    assert_same(run_id, here, there)


def test_what_is_deleted_on_the_server_stays_deleted(outbox, there, tmp_path):
    run_id = record_run(outbox.server, tmp_path)
    Delivery(outbox).deliver(run_id)
    (copy,) = copies_of(run_id, there)
    there.delete_run(copy.info.run_id)
    (note,) = (tmp_path / "mlflow.db.sent").rglob("*.json")
    Delivery(outbox).deliver(run_id)
    note.unlink()
    Delivery(outbox).deliver(run_id)
    assert copies_of(run_id, there) == []
    assert outbox.ended_runs() == []


def test_a_server_that_is_set_up_anew_gets_everything_again(
    outbox, here, tmp_path, made_database, server
):
    run_id = record_run(outbox.server, tmp_path)
    Delivery(outbox).deliver(run_id)
    anew = tmp_path / "anew.db"
    shutil.copy(made_database, anew)
    anew.replace(tmp_path / "server.db")
    mlflow.tracking._tracking_service.utils._tracking_store_registry._get_store_with_resolved_uri.cache_clear()
    Delivery(outbox).deliver(run_id)
    assert_same(run_id, here, MlflowClient(server))
