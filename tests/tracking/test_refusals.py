"""A run that a server refuses for good holds no other run up."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mlflow
import pytest
import requests
from mlflow import MlflowClient
from mlflow.utils.request_utils import augmented_raise_for_status
from mlflow.utils.rest_utils import verify_rest_response

from graft.cli.shared import UserError
from graft.cli.sync import _deliver_all
from graft.tracking import mirror as module
from graft.tracking.mirror import Mirror
from graft.tracking.outbox import Outbox, is_refusal
from graft.tracking.provenance import process_tags

from .copies import assert_same, copies_of, record_run


@pytest.fixture
def server(made_database: Path, tmp_path: Path) -> str:
    """The address of what stands for a server: another database, which needs no process."""
    shutil.copy(made_database, tmp_path / "server.db")
    return f"sqlite:///{tmp_path / 'server.db'}"


@pytest.fixture
def there(server: str) -> MlflowClient:
    return MlflowClient(server, server)


def refused_and_taken(server: str, there: MlflowClient, folder: Path) -> tuple[str, str, str]:
    """Two runs, the first of an experiment that has been deleted on the server, and that one."""
    closed = there.create_experiment("closed")
    there.delete_experiment(closed)
    mlflow.set_experiment("closed")
    refused = record_run(server, folder, **process_tags())
    mlflow.set_experiment("graft")
    return refused, record_run(server, folder, **process_tags()), closed


def test_a_refused_run_is_set_aside_and_later_ones_are_delivered(
    store, server, there, tmp_path, caplog, monkeypatch
):
    monkeypatch.setattr(module, "_INTERVAL", 0.05)
    mirror = Mirror(store, server)
    refused, taken, _ = refused_and_taken(server, there, tmp_path)
    mirror.finish(seconds=100)
    assert_same(taken, MlflowClient(store), there)
    assert copies_of(refused, there) == []
    (told,) = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    for word in (refused, "active", "kedro sync"):
        assert word in told
    assert Outbox(store, server).ended_runs() == [refused]


def test_sync_tries_again_and_says_what_was_refused(store, server, there, tmp_path, caplog):
    refused, taken, closed = refused_and_taken(server, there, tmp_path)
    with pytest.raises(UserError, match="1 runs could not be delivered"):
        _deliver_all(store, server, "graft", include_others=False)
    assert f"The run {refused} is refused: " in caplog.text
    assert_same(taken, MlflowClient(store), there)
    there.restore_experiment(closed)
    _deliver_all(store, server, "graft", include_others=False)
    assert_same(refused, MlflowClient(store), there)


@pytest.mark.parametrize(
    ("status", "code", "refuses"),
    [
        (400, "INVALID_PARAMETER_VALUE", True),
        (403, "PERMISSION_DENIED", True),
        (404, "RESOURCE_DOES_NOT_EXIST", True),
        (401, "UNAUTHENTICATED", False),
        (408, "", False),
        (429, "REQUEST_LIMIT_EXCEEDED", False),
        (500, "INTERNAL_ERROR", False),
        (503, "TEMPORARILY_UNAVAILABLE", False),
    ],
)
def test_what_a_server_may_take_later_is_no_refusal(status: int, code: str, refuses: bool) -> None:
    answer = requests.Response()
    answer.status_code = status
    answer._content = json.dumps({"error_code": code, "message": "so it is"}).encode()
    with pytest.raises(mlflow.MlflowException) as of_a_request:
        verify_rest_response(answer, "/any")
    with pytest.raises(requests.HTTPError) as of_a_file:
        augmented_raise_for_status(answer)
    assert is_refusal(of_a_request.value) == is_refusal(of_a_file.value) == refuses


def test_a_server_that_does_not_answer_refuses_nothing() -> None:
    assert not is_refusal(requests.ConnectionError())
    assert not is_refusal(FileNotFoundError())
