"""A bundle in MLflow is the folder and the name of our module; without a registry it is logged."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlflow.pyfunc
import pytest

from graft.tracking.models import record_model


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `log_model` was asked for."""
    asked: dict[str, Any] = {}

    def log_model(**options: Any) -> SimpleNamespace:
        asked.update(options)
        return SimpleNamespace(model_uri="models:/m-1")

    monkeypatch.setattr(mlflow.pyfunc, "log_model", log_model)
    return asked


def test_nothing_is_pickled_and_no_code_is_sent(
    logged: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(mlflow, "register_model", lambda uri, name: SimpleNamespace(version=3))
    with caplog.at_level(logging.INFO):
        record_model(Path("bundle"), "pets")
    assert "mlflow models serve --env-manager local -m models:/pets/3" in caplog.text
    assert logged["loader_module"] == "graft.serving"
    assert logged["data_path"] == "bundle"
    assert not {"python_model", "code_paths"} & set(logged)
    # Another package has Graft's name on the public index.
    assert not [name for name in logged["pip_requirements"] if name.startswith("graft")]
    assert list(logged["input_example"]) == ["image"]


def test_without_a_registry_it_is_logged_and_told(
    logged: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(uri: str, name: str) -> None:
        raise mlflow.MlflowException("no registry here")

    monkeypatch.setattr(mlflow, "register_model", refuse)
    with caplog.at_level(logging.WARNING):
        record_model(Path("bundle"), "pets")
    assert logged["name"] == "pets"
    assert (
        "logged in MLflow as models:/m-1, but could not be registered: no registry" in caplog.text
    )
