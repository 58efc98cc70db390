"""Whose tracking store is used."""

from __future__ import annotations

import pytest

from graft.tracking.location import tracking_location


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


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
