"""Metrics and other small records on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft.datasets.committed import CommittedDataset

if TYPE_CHECKING:
    from kedro_datasets._typing import JSONPreview


class MetricsDataset(CommittedDataset[dict[str, Any], dict[str, Any]]):
    """A dictionary as JSON: numbers, texts, lists and dictionaries, nested as one likes.

        test_metrics:
          type: graft.datasets.MetricsDataset
          filepath: data/08_reporting/digits/test_metrics.json
          versioned: true
          metadata: {mlflow: metrics}

    NumPy's numbers and arrays become plain ones. A metric that is not defined stays NaN.
    """

    def write(self, path: Path, data: dict[str, Any]) -> None:
        path.write_text(json.dumps(data, indent=2, default=_as_plain) + "\n")

    def read(self, path: Path) -> dict[str, Any]:
        return dict(json.loads(path.read_text()))

    def preview(self) -> JSONPreview:
        """All of it. NaN becomes null, because browsers cannot read it."""
        return json.dumps(json.loads(self.filepath.read_text(), parse_constant=lambda _: None))


def _as_plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} cannot be saved as JSON: {value!r}")
