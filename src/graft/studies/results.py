"""What the runs of a study's rows have left behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from graft.evaluation.intervals import Interval
from graft.evaluation.verdicts import COUNTED
from graft.studies.plan import StudyPlan

if TYPE_CHECKING:
    from pathlib import Path

    from graft.evaluation.predictions import Predictions
    from graft.tracking.run_record import RunRecord

# Rows of a table are about one method; where a pipeline has several and the row names none, this.
_PREFERRED = "fine-tuned"
_METRICS, _TABLE = "metrics", "comparison_table"


@dataclass(frozen=True, eq=False)
class RowResult:
    """One run of one row.

    Attributes:
        row: The row's name.
        seed: Of the run.
        record: The run's.
        method: The classifier that the row is about.
        metrics: Its metrics (`graft.evaluation.metrics`); empty where the run has no such method.
        details: Its row of the run's comparison table: train_seconds, parameters, epochs and more;
            missing where not known.
        predictions: What it said of the test images; None where it was not kept.
    """

    row: str
    seed: int
    record: RunRecord
    method: str
    metrics: Mapping[str, Any]
    details: Mapping[str, Any]
    predictions: Predictions | None

    def measured(self, measure: str) -> Interval | None:
        """A measure with its interval, or None where the method has no such measure.

        What is counted (parameters, multiply-accumulates) has an interval of no width.
        """
        if measure in COUNTED:
            count = float(self.details.get(measure, "nan"))
            return Interval(count, count, count)
        found = self.metrics.get(measure)
        if not isinstance(found, Mapping) or "value" not in found:
            return None
        return interval_of(found, "value")


def interval_of(figures: Mapping[str, Any], value: str) -> Interval:
    """The value of this key with its low and high; NaN for what is undefined."""
    ends = (figures.get(key) for key in (value, "low", "high"))
    return Interval(*(float("nan") if end is None else float(end) for end in ends))


def read_results(plan: StudyPlan) -> list[RowResult]:
    """The results of all rows and seeds that have run, in the order of the table.

    Rows of one configuration have the same ones.
    """
    read: dict[tuple[str, str, str | None], RowResult] = {}
    results = []
    for row in plan.rows:
        method = row.reported.get("method")
        for seed in plan.seeds:
            record = plan.record(row, seed)
            if record is None:
                continue
            key = (record.experiment, record.version, method)
            if key not in read:
                read[key] = _read(plan.project, record, method)
            results.append(replace(read[key], row=row.name))
    return results


def _read(project: Path, record: RunRecord, method: str | None) -> RowResult:
    import pandas as pd

    metrics = _load(project, record, _METRICS) or {}
    method = method or (_PREFERRED if _PREFERRED in metrics else next(iter(metrics), ""))
    table, details = _load(project, record, _TABLE), {}
    if table is not None:
        of_method = table[table["method"] == method].to_dict("records")
        details = {key: v for row in of_method for key, v in row.items() if not pd.isna(v)}
    return RowResult(
        row=record.experiment,
        seed=record.seed,
        record=record,
        method=method,
        metrics=metrics.get(method, {}),
        details=details,
        predictions=_predictions(project, record, method),
    )


def _predictions(project: Path, record: RunRecord, method: str) -> Predictions | None:
    from graft.evaluation.predictions import Predictions

    for name in record.files:
        if name.endswith("_predictions") and not name.startswith("validation"):
            frame = _load(project, record, name)
            if frame is not None and frame["method"].iloc[0] == method:
                return Predictions.from_frame(frame)
    return None


def _load(project: Path, record: RunRecord, name: str) -> Any:
    """What the run saved under this name in the catalog; None where it is not there any more."""
    from kedro.io import Version

    from graft.datasets.metrics import MetricsDataset
    from graft.datasets.table import TableDataset

    file = project / record.files.get(name, "")
    kind = {".json": MetricsDataset, ".csv": TableDataset}.get(file.suffix)
    if kind is None:
        return None
    # A versioned file lies at <file>/<version>/<file>.
    dataset = kind(filepath=str(file.parent.parent), version=Version(record.version, None))
    return dataset.load() if dataset.exists() else None
