"""The hook that leaves a run's record behind (`graft.tracking.run_record`)."""

from __future__ import annotations

import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl
from kedro.io import AbstractVersionedDataset

from graft.lease import job_restarts
from graft.tracking.provenance import surroundings
from graft.tracking.run_record import PARTS, RESULTS, RUN_RECORD, RunRecord, fingerprint

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import CatalogProtocol
    from kedro.pipeline import Pipeline

_IMAGES = "image_store"


class RunRecordHooks:
    """Saves the catalog's `run_record` at the end of a run that has made results."""

    def __init__(self) -> None:
        self._context: KedroContext
        self._data = ""
        self._started = datetime.now(UTC)
        self._clock = 0.0

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        self._context = context

    @hook_impl
    def before_pipeline_run(self) -> None:
        self._data = ""
        self._started, self._clock = datetime.now(UTC), time.perf_counter()

    @hook_impl
    def after_dataset_loaded(self, dataset_name: str, data: Any) -> None:
        if dataset_name == _IMAGES and not self._data:  # hashing takes a moment
            self._data = data.digest

    @hook_impl(tryfirst=True)  # while the MLflow run is still open
    def after_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol[Any]
    ) -> None:
        made = pipeline.all_outputs()
        if RUN_RECORD in catalog and not made.isdisjoint(RESULTS):
            record = self._record(run_params, made, catalog)
            catalog[RUN_RECORD].save(record.to_json())

    def _record(
        self, run_params: dict[str, Any], made: set[str], catalog: CatalogProtocol[Any]
    ) -> RunRecord:
        import mlflow

        from graft.tracking.provenance import git_commit
        from graft.tracking.records import saved_path

        project = Path(self._context.project_path)
        loader = self._context.config_loader
        parameters = loader["parameters"]
        names = run_params["pipeline_names"] or ["transfer_learning"]
        run = mlflow.active_run()
        files = {
            name: _from(project, saved_path(catalog[name])).as_posix()
            for name in sorted(made)
            if name in catalog and isinstance(catalog[name], AbstractVersionedDataset)
        }
        return RunRecord(
            experiment=parameters["experiment"],
            pipeline="+".join(names),
            whole=not any(run_params[part] for part in (*PARTS, "only_missing_outputs")),
            fingerprint=fingerprint("+".join(names), parameters),
            seed=parameters["seed"],
            parameters=parameters,
            changes=loader["globals"]["changes"],
            data=self._data,
            files=files,
            run_id=run.info.run_id if run else None,
            version=run_params["run_id"],
            commit=git_commit(project),
            started=self._started.isoformat(timespec="seconds"),
            seconds=None if _goes_on(parameters) else round(time.perf_counter() - self._clock, 3),
            machine=_machine(),
        )


def _goes_on(parameters: dict[str, Any]) -> bool:
    """Whether an earlier process may have done a part of it; of its time a training alone knows."""
    return parameters["training"]["resume"] == "auto" or job_restarts() > 0


def _from(project: Path, file: Path) -> Path:
    """Relative to the project, or as it is where an entry of the catalog lies elsewhere."""
    return file.relative_to(project) if file.is_relative_to(project) else file


def _machine() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    has_gpu = torch is not None and torch.cuda.is_initialized()
    return {
        **surroundings(),
        "host": socket.gethostname(),
        "gpu": torch.cuda.get_device_name() if torch is not None and has_gpu else None,
    }
