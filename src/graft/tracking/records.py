"""What a run leaves in MLflow besides its curves: parameters, metrics, files and its images.

An entry of the catalog asks for what it wants recorded when it is saved:

    metrics:
      type: graft.datasets.MetricsDataset
      metadata: {mlflow: metrics}

`metrics` records the measures of a nested dict (of test images, unless the entry's metadata say
`images: validation`), `artifact` the saved file, `input` the images that
the run works on, whether it has saved or loaded them, and `model` a bundle, under the name that the
entry's metadata say (`registered_as`; null does not).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractVersionedDataset

from graft.errors import GraftError
from graft.nested import leaves
from graft.tracking.models import record_model

if TYPE_CHECKING:
    from kedro.io import AbstractDataset, CatalogProtocol

    from graft.images.store import ImageStore

logger = logging.getLogger(__name__)

KINDS = ("metrics", "artifact", "input", "model")

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

    def _measured_on(self, name: str) -> str:
        """Which part's images the figures are of: the entry's `images`, else "test"."""
        return str(self._catalog[name].metadata.get("images", "test"))

    def _record(self, kind: str, name: str, data: Any) -> None:
        import mlflow

        if mlflow.active_run() is None or name in self._recorded_inputs:
            return
        try:
            match kind:
                case "metrics":
                    # Apart from the curves, which bear the method's name alone.
                    record_metrics({self._measured_on(name): data})
                case "artifact":
                    record_file(saved_path(self._catalog[name]))
                case "input":
                    record_images(name, data)
                    self._recorded_inputs.add(name)
                case "model":
                    registered_as = self._catalog[name].metadata["registered_as"]
                    if registered_as is not None:
                        record_model(saved_path(self._catalog[name]).parent, registered_as)
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
    texts = [(name, str(value)[:_PARAMETER_LENGTH]) for name, value in leaves(parameters)]
    for start in range(0, len(texts), _PARAMETERS_A_CALL):
        mlflow.log_params(dict(texts[start : start + _PARAMETERS_A_CALL]))


def record_metrics(nested: Mapping[str, Any]) -> None:
    """The measures in a nested dict, those with an interval: value, low and high.

    {"SVM": {"accuracy": {"value": 0.9, "low": 0.8, "high": 0.95}}} becomes SVM/accuracy,
    SVM/accuracy_low and SVM/accuracy_high. Figures of single classes and constants stay in the
    file: MLflow gives every name a chart.
    """
    import mlflow

    metrics = [
        (re.sub(r"[^\w./: -]", "_", name), float(number))
        for measure, interval in _intervals(nested)
        for name, number in (
            (measure, interval["value"]),
            (f"{measure}_low", interval.get("low")),
            (f"{measure}_high", interval.get("high")),
        )
        if isinstance(number, Real)
    ]
    for start in range(0, len(metrics), _METRICS_A_CALL):
        mlflow.log_metrics(dict(metrics[start : start + _METRICS_A_CALL]))


def record_file(saved: Path) -> None:
    """The saved file, among the run's figures, tables or other files."""
    import mlflow

    folder = {".png": "figures", ".csv": "tables"}.get(saved.suffix, "files")
    mlflow.log_artifact(str(saved), artifact_path=folder)


def record_images(name: str, store: ImageStore) -> None:
    """The images by their source and a digest: the same for the same images, labels and split."""
    import mlflow
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    images = MetaDataset(
        CodeDatasetSource({"source": store.source}),
        name=store.source,
        digest=store.digest,
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


def _intervals(
    nested: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, value in nested.items():
        if isinstance(value, Mapping) and "value" in value:
            yield f"{prefix}{key}", value
        elif isinstance(value, Mapping):
            yield from _intervals(value, f"{prefix}{key}/")
