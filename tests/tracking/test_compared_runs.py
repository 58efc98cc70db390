"""Which runs a comparison takes, what it calls them, and what it reads of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from kedro.io import DatasetError, Version
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset

from graft.datasets import RunResultsDataset, TableDataset
from graft.errors import GraftError
from graft.evaluation import Predictions
from graft.tracking.compared_runs import (
    TrackedRun,
    configuration_names,
    newest_runs,
    runs_by_id,
)

PARAMETERS = {"training.epochs": "8", "evaluation.confidence": "0.95", "experiment": "digits"}


def make_run(version: str, seed: int = 0, status: str = "FINISHED", **changes: str) -> str:
    """A run as the hooks record one; its id."""
    experiment = changes.get("experiment", "digits")
    tags = {"experiment": experiment, "version": version}
    with mlflow.start_run(tags=tags) as run:
        mlflow.log_params(PARAMETERS | {"seed": str(seed)} | changes)
        images = MetaDataset(CodeDatasetSource({}), name="digits", digest=f"digest {seed}")
        mlflow.log_input(images, context="image_store")
    if status != "FINISHED":
        mlflow.MlflowClient().set_terminated(run.info.run_id, status)
    return str(run.info.run_id)


def save_predictions(folder: Path, version: str, right: int, method: str = "fine-tuned") -> None:
    labels = np.arange(20) % 2
    scores = np.eye(2)[np.where(np.arange(20) < right, labels, 1 - labels)]
    predictions = Predictions(method, np.arange(20), labels, scores, ("a", "b"), 0.1)
    name = {"fine-tuned": "network", "SVM": "svm"}[method]
    path = folder / "digits" / f"{name}_predictions.csv"
    TableDataset(filepath=str(path), version=Version(None, version)).save(predictions.to_frame())


def dataset(folder: Path, **chosen: Any) -> RunResultsDataset:
    names = ["network_predictions", "svm_predictions"]
    chosen = {"runs": None, "experiments": None} | chosen
    return RunResultsDataset(folder=str(folder), predictions=names, **chosen)


def test_results_are_read_by_the_ids_of_runs(store: str, tmp_path: Path) -> None:
    one, other = make_run("v1"), make_run("v2", **{"training.epochs": "2"})
    save_predictions(tmp_path, "v1", right=18)
    save_predictions(tmp_path, "v1", right=15, method="SVM")
    save_predictions(tmp_path, "v2", right=10)
    results = dataset(tmp_path, runs=[one, other]).load()
    assert [(r.run, r.predictions.method, int(r.predictions.correct.sum())) for r in results] == [
        (one, "fine-tuned", 18),
        (one, "SVM", 15),
        (other, "fine-tuned", 10),
    ]
    names = [r.configuration for r in results]
    assert names == ["digits (training.epochs=8)"] * 2 + ["digits (training.epochs=2)"]
    assert {r.data for r in results} == {"digest 0"}


def test_an_experiment_means_its_newest_run_and_the_repetitions_by_seed(store: str) -> None:
    make_run("old")
    make_run("other epochs", **{"training.epochs": "2"})
    repeated = make_run("repeated", seed=1)
    newest = make_run("newest")
    make_run("failed", status="FAILED")
    make_run("nothing left")
    made = ["old", "other epochs", "repeated", "newest", "failed"]
    assert [run.run_id for run in newest_runs(["digits"], made)] == [newest, repeated]


def test_how_a_run_is_judged_makes_no_other_configuration(store: str) -> None:
    changes = {"evaluation.confidence": "0.9", "parameters.seed": "1", "processes.timeout": "9"}
    make_run("v1", seed=1, **changes)
    make_run("v2")
    assert len(newest_runs(["digits"], ["v1", "v2"])) == 2


def tracked(run_id: str, experiment: str, **decisive: str) -> TrackedRun:
    return TrackedRun(run_id, experiment, "v", 0, dict(decisive), "")


@pytest.mark.parametrize(
    ("runs", "names"),
    [
        ([tracked("1", "a", x="1"), tracked("2", "b", x="2")], {"1": "a", "2": "b"}),
        ([tracked("1", "a", x="1"), tracked("2", "a", x="1")], {"1": "a", "2": "a"}),
        (
            [tracked("1", "a", x="1", y="0"), tracked("2", "a", x="2", y="0")],
            {"1": "a (x=1)", "2": "a (x=2)"},
        ),
    ],
)
def test_names_tell_configurations_apart(runs: list[TrackedRun], names: Mapping[str, str]) -> None:
    assert configuration_names(runs) == names


def test_what_does_not_exist_is_named(store: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"comparison\.experiments.*'digits'"):
        dataset(tmp_path, experiments=["digits"]).load()
    with pytest.raises(DatasetError, match=r"comparison\.runs.*no run 'abc'"):
        dataset(tmp_path, runs=["abc"]).load()
    with pytest.raises(DatasetError, match="nothing is chosen"):
        dataset(tmp_path).load()
    elsewhere = make_run("v1")
    with pytest.raises(DatasetError, match="has left no predictions"):
        dataset(tmp_path, runs=[elsewhere]).load()
    with mlflow.start_run() as foreign:
        pass
    with pytest.raises(GraftError, match="does not say which version"):
        runs_by_id([foreign.info.run_id])
