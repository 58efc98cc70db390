"""What is recorded of parameters, metrics, files and images."""

from __future__ import annotations

import mlflow
import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset, Version

from graft.datasets import MetricsDataset
from graft.errors import GraftError
from graft.images.store import ImageStore
from graft.tracking import records
from graft.tracking.records import (
    Recorder,
    record_file,
    record_metrics,
    record_parameters,
    saved_path,
)


@pytest.fixture
def run(store):
    with mlflow.start_run() as run:
        yield run


def recorded(run: mlflow.ActiveRun):
    return mlflow.get_run(run.info.run_id)


def test_measures_with_an_interval_are_recorded_by_their_path(run):
    record_metrics(
        {
            "cat & co": {
                "accuracy": {"value": np.float32(0.5), "low": 0.25, "high": 0.75},
                "roc_auc": {"value": None, "low": None, "high": None},
                "per_class": {"cat": {"accuracy": 0.5, "low": 0.25, "high": 0.75}},
                "confidence": 0.95,
            },
            "list": [1, 2],
        }
    )
    assert recorded(run).data.metrics == {
        "cat _ co/accuracy": 0.5,
        "cat _ co/accuracy_low": 0.25,
        "cat _ co/accuracy_high": 0.75,
    }


def test_any_number_of_metrics_and_parameters_is_recorded(run):
    numbers = {f"m{index}": index for index in range(1001)}
    record_metrics({name: {"value": value} for name, value in numbers.items()})
    record_parameters({"many": dict(list(numbers.items())[:101])})
    assert len(recorded(run).data.metrics) == 1001
    assert len(recorded(run).data.params) == 101


def test_a_long_parameter_is_cut_and_not_fatal(run):
    record_parameters({"training": {"note": "x" * 7000, "epochs": 3}})
    params = recorded(run).data.params
    assert params["training.epochs"] == "3"
    assert len(params["training.note"]) == 6000


def test_without_a_run_nothing_is_recorded(store, tmp_path):
    metrics = MemoryDataset(metadata={"mlflow": "metrics"})
    Recorder(DataCatalog({"metrics": metrics})).saved("metrics", {"a": 1})
    record_parameters({"seed": 1})
    assert mlflow.active_run() is None


@pytest.mark.parametrize("name", ["digits", None])
def test_a_bundle_is_recorded_under_its_name_if_it_has_one(run, tmp_path, monkeypatch, name):
    asked = []
    monkeypatch.setattr(records, "record_model", lambda *arguments: asked.append(arguments))
    bundle = MetricsDataset(
        filepath=str(tmp_path / "bundle"),
        version=Version(None, "1"),
        metadata={"mlflow": "model", "registered_as": name},
    )
    Recorder(DataCatalog({"bundle": bundle})).saved("bundle", {})
    assert asked == ([(tmp_path / "bundle/1", "digits")] if name else [])


def test_a_misspelt_kind_is_an_error_before_anything_runs():
    catalog = DataCatalog({"table": MemoryDataset(metadata={"mlflow": "artefact"})})
    with pytest.raises(GraftError, match=r"'table' .* 'artefact'"):
        Recorder(catalog)


def test_an_artifact_is_the_saved_version_also_where_loads_are_pinned_to_another(tmp_path):
    path = str(tmp_path / "m.json")
    MetricsDataset(filepath=path, version=Version(None, "old")).save({"a": 1})
    pinned = MetricsDataset(filepath=path, version=Version("old", "new"))
    pinned.save({"a": 2})
    assert saved_path(pinned) == tmp_path / "m.json/new/m.json"


def test_an_artifact_is_recorded_without_its_manifest(run, tmp_path):
    dataset = MetricsDataset(filepath=str(tmp_path / "m.json"), metadata={"mlflow": "artifact"})
    recorder = Recorder(DataCatalog({"report": dataset}))
    dataset.save({"a": 1})
    recorder.saved("report", {"a": 1})
    (artifact,) = mlflow.MlflowClient().list_artifacts(run.info.run_id, "files")
    assert artifact.path == "files/m.json"


def test_a_tracking_store_that_fails_does_not_end_the_run(run, monkeypatch, caplog):
    def fail(metrics):
        raise mlflow.MlflowException("the server is away")

    monkeypatch.setattr(mlflow, "log_metrics", fail)
    catalog = DataCatalog({"metrics": MemoryDataset(metadata={"mlflow": "metrics"})})
    Recorder(catalog).saved("metrics", {"a": {"value": 1}})
    assert "'metrics' could not be recorded in MLflow: the server is away" in caplog.text


def store_of(split: str) -> ImageStore:
    manifest = pd.DataFrame(
        {
            "id": ["a", "b"],
            "label": ["0", "1"],
            "split": ["train", split],
            "width": 1,
            "height": 1,
            "sha256": ["aa", "bb"],
        }
    )
    return ImageStore(np.zeros((2, 1, 1, 3), np.uint8), manifest, ("0", "1"), "digits")


def inputs(run: mlflow.ActiveRun) -> list[tuple[str, str]]:
    return [
        (entry.dataset.name, entry.dataset.digest) for entry in recorded(run).inputs.dataset_inputs
    ]


def test_images_are_recorded_once_whether_saved_or_loaded(run):
    recorder = Recorder(DataCatalog({"images": MemoryDataset(metadata={"mlflow": "input"})}))
    recorder.loaded("images", store_of("test"))
    recorder.saved("images", store_of("test"))
    recorder.loaded("images", store_of("test"))
    ((name, digest),) = inputs(run)
    assert name == "digits"
    assert digest == store_of("test").digest


def test_the_digest_of_images_changes_with_the_split(run):
    catalog = DataCatalog({"images": MemoryDataset(metadata={"mlflow": "input"})})
    for split in ("test", "validation", "test"):
        Recorder(catalog).loaded("images", store_of(split))
    assert len(set(inputs(run))) == 2


def test_loading_metrics_records_nothing(run):
    catalog = DataCatalog({"metrics": MemoryDataset(metadata={"mlflow": "metrics"})})
    Recorder(catalog).loaded("metrics", {"a": 1})
    assert recorded(run).data.metrics == {}


@pytest.mark.parametrize(
    ("file", "folder"), [("a.png", "figures"), ("b.csv", "tables"), ("c.md", "files")]
)
def test_files_are_recorded_by_their_kind(run, tmp_path, file, folder):
    (tmp_path / file).write_text(file)
    record_file(tmp_path / file)
    (artifact,) = mlflow.MlflowClient().list_artifacts(run.info.run_id, folder)
    assert artifact.path == f"{folder}/{file}"
