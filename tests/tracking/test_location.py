"""Whose tracking store is used."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from graft.errors import GraftError
from graft.tracking.location import (
    SERVER_VARIABLE,
    record_at_home,
    tracking_location,
    without_password,
)


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch):
    for name in ("MLFLOW_TRACKING_URI", SERVER_VARIABLE):
        monkeypatch.setenv(name, "")  # gone after the test, whoever has set it


def test_the_default_lies_in_the_project_wherever_one_stands(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    assert tracking_location(tmp_path) == (
        f"sqlite:///{tmp_path}/mlflow.db",
        f"{tmp_path}/mlartifacts",
    )


def test_the_environment_wins_and_decides_on_artifacts_too(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example")
    assert tracking_location(tmp_path) == ("http://tracking.example", None)


def test_what_mlflow_exports_for_one_project_is_not_taken_for_the_users_choice(
    tmp_path, monkeypatch
):
    first, _ = tracking_location(tmp_path / "first")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", first)  # as mlflow.set_tracking_uri does
    assert tracking_location(tmp_path / "second")[0].endswith("/second/mlflow.db")
    assert tracking_location(tmp_path / "first") == (first, f"{tmp_path}/first/mlartifacts")


def mlflow_yml(uri: str) -> dict[str, Any]:
    experiment = {"name": "graft", "create_experiment_kwargs": {"artifact_location": None}}
    return {"server": {"mlflow_tracking_uri": uri}, "tracking": {"experiment": experiment}}


def test_with_a_server_runs_are_recorded_at_home(tmp_path):
    content = mlflow_yml("https://lab.example/")
    assert record_at_home(content, tmp_path) == "https://lab.example"
    assert content["server"]["mlflow_tracking_uri"] == f"sqlite:///{tmp_path}/mlflow.db"
    kwargs = content["tracking"]["experiment"]["create_experiment_kwargs"]
    assert kwargs["artifact_location"] == f"{tmp_path}/mlartifacts"


def test_a_password_in_a_servers_address_is_refused_and_not_shown(tmp_path):
    with pytest.raises(GraftError, match="MLFLOW_TRACKING_PASSWORD") as caught:
        record_at_home(mlflow_yml("https://me:secret@lab.example"), tmp_path)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql+psycopg://me:s@cret@lab/db", "postgresql+psycopg://me:…@lab/db"),
        ("postgresql://me@lab:5432/db", "postgresql://me@lab:5432/db"),
        ("sqlite:////a:b@c/mlflow.db", "sqlite:////a:b@c/mlflow.db"),
        ("http://lab:5000/a@b", "http://lab:5000/a@b"),
    ],
)
def test_passwords_are_not_shown(uri, shown):
    assert without_password(uri) == shown


def test_any_other_store_is_used_as_it_is(tmp_path):
    for uri in ("postgresql://lab.example/mlflow", "sqlite:////elsewhere.db"):
        content = mlflow_yml(uri)
        assert record_at_home(content, tmp_path) is None
        assert content == mlflow_yml(uri)


def test_a_second_session_and_a_process_that_is_started_know_the_environments_server(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://lab.example")
    content = mlflow_yml(tracking_location(tmp_path)[0])
    record_at_home(content, tmp_path)
    # What MLflow exports, for it is what kedro-mlflow gives it.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", content["server"]["mlflow_tracking_uri"])
    assert tracking_location(tmp_path)[0] == "http://lab.example"
    program = (
        "from pathlib import Path; from graft.tracking.location import tracking_location;"
        f"print(tracking_location(Path({str(tmp_path)!r}))[0])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert answer.stdout.strip() == "http://lab.example"


def test_a_server_of_the_configuration_is_no_other_projects(tmp_path):
    record_at_home(mlflow_yml("http://lab.example"), tmp_path)
    assert tracking_location(tmp_path / "other")[0].startswith("sqlite")
