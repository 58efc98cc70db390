"""Runs that hold something of everything, and what makes a copy the same as its original."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft.tracking.outbox import ORIGIN_TAG, SERVER_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


def record_run(server: str, folder: Path, points: int = 3, **tags: str) -> str:
    """Record a run that has ended and belongs to a server, in MLflow's store of this process.

    Returns:
        Its id.
    """
    import mlflow
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    (folder / "figure.png").write_bytes(b"pixels")
    (folder / "with a blank.csv").write_text("a,b\n")
    with mlflow.start_run(tags={SERVER_TAG: server, **tags}, run_name="short") as run:
        mlflow.log_params({f"training.p{number}": number for number in range(120)})
        for step in range(points):
            mlflow.log_metrics({"cnn/loss": 1 / (step + 1), "cnn/accuracy": step / 7}, step=step)
        mlflow.log_metrics({"nan": math.nan, "inf": math.inf, "minus": -math.inf})
        mlflow.log_metrics({"twice": 1.0}, step=0)
        mlflow.log_metrics({"twice": 1.0}, step=1)
        mlflow.set_tag("mlflow.note.content", "a note, ärgerlich")
        source = CodeDatasetSource({"source": "digits"})
        mlflow.log_input(MetaDataset(source, name="digits", digest="12ab"), context="store")
        mlflow.log_artifact(str(folder / "figure.png"), "figures")
        mlflow.log_artifact(str(folder / "with a blank.csv"), "tables/inner")
        mlflow.log_artifact(str(folder / "with a blank.csv"))
    return str(run.info.run_id)


def copies_of(run_id: str, there: MlflowClient) -> list[Run]:
    """All copies of a run, of which there should be one."""
    experiments = [experiment.experiment_id for experiment in there.search_experiments()]
    return list(there.search_runs(experiments, f"tags.{ORIGIN_TAG} = '{run_id}'"))


def content(client: MlflowClient, run: Run) -> dict[str, Any]:
    """Everything that has to be the same in a copy."""
    info = run.info
    return {
        "info": (info.status, info.start_time, info.end_time, info.run_name),
        "experiment": client.get_experiment(info.experiment_id).name,
        "tags": {key: value for key, value in run.data.tags.items() if key != ORIGIN_TAG},
        "parameters": run.data.params,
        "points": {
            name: sorted(
                (point.step, point.timestamp, repr(point.value))  # NaN differs from itself
                for point in client.get_metric_history(info.run_id, name)
            )
            for name in run.data.metrics
        },
        "inputs": sorted(
            (given.dataset.name, given.dataset.digest, given.dataset.source, given.tags[0].value)
            for given in run.inputs.dataset_inputs
        ),
        "files": _files(client, info.run_id, None),
    }


def assert_same(run_id: str, here: MlflowClient, there: MlflowClient) -> Run:
    """Assert that there is one copy and that it is the same; returns it."""
    (copy,) = copies_of(run_id, there)
    copy = there.get_run(copy.info.run_id)
    ours, theirs = content(here, here.get_run(run_id)), content(there, copy)
    differing = {key: (ours[key], theirs[key]) for key in ours if ours[key] != theirs[key]}
    assert not differing, differing
    return copy


def _files(client: MlflowClient, run_id: str, folder: str | None) -> dict[str, bytes]:
    found = {}
    for entry in client.list_artifacts(run_id, folder):
        if entry.is_dir:
            found |= _files(client, run_id, entry.path)
        else:
            found[entry.path] = Path(client.download_artifacts(run_id, entry.path)).read_bytes()
    return found
