"""The models of a run, and their versions in the registry, copied to a tracking server."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

import yaml

from graft.tracking.outbox import ORIGIN_TAG, SentFile

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run
    from mlflow.entities.model_registry import ModelVersion


def deliver_models(here: MlflowClient, there: MlflowClient, run: Run, file: SentFile) -> None:
    """Send what the server lacks of the models that a run has logged, and of their versions.

    Args:
        here: Our own store.
        there: The server.
        run: The run, whose copy exists.
        file: How much of it was sent; is brought up to date.
    """
    from mlflow.entities import LoggedModelStatus

    models = here.search_logged_models(
        [run.info.experiment_id], f"source_run_id = '{run.info.run_id}'"
    )
    for model in models:
        # One in the making has not got all of its files; the end of the run looks again.
        if model.status != LoggedModelStatus.PENDING and model.model_id not in file.sent.models:
            file.sent.models[model.model_id] = _send_model(there, model, file)
            file.save()
    if not models:
        return
    for version in here.search_model_versions(f"run_id = '{run.info.run_id}'"):
        name = f"{version.name}/{version.version}"
        copy = file.sent.models.get((version.source or "").removeprefix("models:/"))
        if copy is not None and name not in file.sent.versions:
            _send_version(there, version, copy, str(file.sent.run))
            file.sent.versions.append(name)
            file.save()


def _send_model(there: MlflowClient, model: LoggedModel, file: SentFile) -> str:
    """Copy a model; returns the copy's id. A copy that was begun is found again by its tag."""
    from mlflow.entities import LoggedModelOutput

    begun = there.search_logged_models(
        [file.sent.experiment], f"tags.{ORIGIN_TAG} = '{model.model_id}'"
    )
    if begun:
        copy = begun[0]
    else:
        copy = there.create_logged_model(
            file.sent.experiment,
            model.name,
            file.sent.run,
            {**model.tags, ORIGIN_TAG: model.model_id},
            model.params,
            model.model_type,
        )
    folder = Path(unquote(urlparse(model.artifact_location).path))
    there.log_model_artifacts(copy.model_id, str(folder))
    _send_description(there, folder / "MLmodel", copy, file)
    there.finalize_logged_model(copy.model_id, model.status)
    outputs = there.get_run(file.sent.run).outputs
    known = outputs.model_outputs if outputs else []
    if copy.model_id not in {output.model_id for output in known}:  # else it would be refused
        there.log_outputs(file.sent.run, [LoggedModelOutput(copy.model_id, step=0)])
    return str(copy.model_id)


def _send_description(
    there: MlflowClient, mlmodel: Path, copy: LoggedModel, file: SentFile
) -> None:
    """The model's description of itself names the run and the model: the copies."""
    description = yaml.safe_load(mlmodel.read_text())
    description |= {
        "run_id": file.sent.run,
        "model_id": copy.model_id,
        "artifact_path": copy.artifact_location,
    }
    with tempfile.TemporaryDirectory() as folder:
        changed = Path(folder) / mlmodel.name
        changed.write_text(yaml.safe_dump(description, sort_keys=False))
        there.log_model_artifact(copy.model_id, str(changed))


def _send_version(there: MlflowClient, version: ModelVersion, model_id: str, run_id: str) -> None:
    """Register the copy of a model; the server counts versions of its own."""
    from mlflow.exceptions import MlflowException

    try:
        there.create_registered_model(version.name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    source = f"models:/{model_id}"
    registered = there.search_model_versions(f"name = '{version.name}'")
    if not any(found.source == source for found in registered):
        there.create_model_version(
            version.name,
            source,
            run_id,
            version.tags,
            description=version.description,
            model_id=model_id,
        )
