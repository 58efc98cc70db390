"""What a run leaves in MLflow besides its curves: parameters, metrics, files and its images.

An entry of the catalog asks for what it wants recorded when it is saved:

    metrics:
      type: graft.datasets.MetricsDataset
      metadata: {mlflow: metrics}

`metrics` records the numbers of a nested dict, `artifact` the saved files, and `input` the images
that the run works on, whether it has saved or loaded them.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractVersionedDataset

from graft.errors import GraftError
from graft.storage import MANIFEST

if TYPE_CHECKING:
    from kedro.io import AbstractDataset, CatalogProtocol

    from graft.images.store import ImageStore

logger = logging.getLogger(__name__)

KINDS = ("metrics", "artifact", "input")

# MLflow's limits.
_METRICS_A_CALL = 1000
_PARAMETERS_A_CALL = 100
_PARAMETER_LENGTH = 6000


class Recorder:
    """Records the datasets of one run as their entries in the catalog ask.

    Raises:
        GraftError: An entry asks for something that there is not; raised when the recorder is
            made, which is before the first node runs.
    """

    def __init__(self, catalog: CatalogProtocol[Any]):
        self._catalog = catalog
        self._kinds = {name: _kind_of(name, dataset) for name, dataset in catalog.items()}
        self._recorded_inputs: set[str] = set()

    def loaded(self, name: str, data: Any) -> None:
        """A pipeline that starts from packed images works on them, too."""
        if self._kinds.get(name) == "input":
            self._record("input", name, data)

    def saved(self, name: str, data: Any) -> None:
        if kind := self._kinds.get(name):
            self._record(kind, name, data)

    def _record(self, kind: str, name: str, data: Any) -> None:
        import mlflow

        if mlflow.active_run() is None or name in self._recorded_inputs:
            return
        try:
            match kind:
                case "metrics":
                    record_metrics(data)
                case "artifact":
                    record_files(name, saved_path(self._catalog[name]))
                case "input":
                    record_images(name, data)
                    self._recorded_inputs.add(name)
        except mlflow.MlflowException as error:
            # It is saved on disk. A tracking server that is away must not end a training.
            logger.warning("'%s' could not be recorded in MLflow: %s", name, error)


def record_parameters(parameters: Mapping[str, Any]) -> None:
    """Record nested parameters under dotted names, all at once.

    kedro-mlflow records them one by one, node by node, which takes a second for fifty. What it
    finds recorded already costs nothing.
    """
    import mlflow

    if mlflow.active_run() is None:
        return
    flat = [(name, str(value)[:_PARAMETER_LENGTH]) for name, value in _flat(parameters, ".")]
    for start in range(0, len(flat), _PARAMETERS_A_CALL):
        mlflow.log_params(dict(flat[start : start + _PARAMETERS_A_CALL]))


def record_metrics(nested: Mapping[str, Any]) -> None:
    """The numbers in a nested dict: {"svm": {"accuracy": 0.9}} becomes svm/accuracy.

    Lists, texts and truth values are left out; a class's name loses what MLflow forbids in names.
    """
    import mlflow

    metrics = [
        (re.sub(r"[^\w./: -]", "_", name), float(value))
        for name, value in _flat(nested, "/")
        if isinstance(value, Real) and not isinstance(value, bool)
    ]
    for start in range(0, len(metrics), _METRICS_A_CALL):
        mlflow.log_metrics(dict(metrics[start : start + _METRICS_A_CALL]))


def record_files(name: str, saved: Path) -> None:
    """The saved file, and what was committed together with it, in an artifact folder `name`."""
    import mlflow

    folder = saved if saved.is_dir() else saved.parent
    files = sorted(folder.iterdir()) if (folder / MANIFEST).exists() else [saved]
    for file in files:
        if file.name != MANIFEST:
            mlflow.log_artifact(str(file), artifact_path=name)


def record_images(name: str, store: ImageStore) -> None:
    """The images by their source and a digest: the same for the same images, labels and split."""
    import mlflow
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    digest = hashlib.sha256()
    for column in ("sha256", "label", "split"):
        digest.update("\n".join(store.manifest[column].astype(str)).encode())
    images = MetaDataset(
        CodeDatasetSource({"source": store.source}),
        name=store.source,
        digest=digest.hexdigest()[:8],
    )
    mlflow.log_input(images, context=name)


def saved_path(dataset: AbstractDataset[Any, Any]) -> Path:
    """Where the dataset's last save went, whichever version a load would take."""
    if isinstance(dataset, AbstractVersionedDataset):
        version = dataset.resolve_save_version()
        if version:
            return Path(dataset._get_versioned_path(version))
    return Path(getattr(dataset, "filepath", None) or dataset._filepath)  # type: ignore[attr-defined]


def _kind_of(name: str, dataset: AbstractDataset[Any, Any]) -> str | None:
    kind: str | None = (getattr(dataset, "metadata", None) or {}).get("mlflow")
    if kind is not None and kind not in KINDS:
        raise GraftError(
            f"The catalog's entry '{name}' has metadata.mlflow = '{kind}'; it has to be one of "
            f"{', '.join(KINDS)}."
        )
    return kind


def _flat(nested: Mapping[str, Any], separator: str, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in nested.items():
        if isinstance(value, Mapping):
            yield from _flat(value, separator, f"{prefix}{key}{separator}")
        else:
            yield f"{prefix}{key}", value
