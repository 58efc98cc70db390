from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from kedro.io import DatasetError

from graft.datasets import MetricsDataset


@pytest.fixture
def dataset(tmp_path: Path) -> MetricsDataset:
    return MetricsDataset(filepath=str(tmp_path / "metrics.json"))


def test_nested_metrics_come_back(dataset: MetricsDataset) -> None:
    metrics = {"accuracy": 0.1 + 0.2, "per_class": {"ä": [1, 2.5, None]}, "name": "svm"}
    dataset.save(metrics)
    assert dataset.load() == metrics


def test_numpy_values_become_plain_ones(dataset: MetricsDataset) -> None:
    dataset.save({"a": np.float32(0.5), "b": np.int64(3), "c": np.eye(2), "d": np.bool_(True)})
    assert dataset.load() == {"a": 0.5, "b": 3, "c": [[1.0, 0.0], [0.0, 1.0]], "d": True}


def test_an_undefined_metric_stays_nan_and_previews_as_null(dataset: MetricsDataset) -> None:
    dataset.save({"average_precision": math.nan})
    assert math.isnan(dataset.load()["average_precision"])
    assert json.loads(dataset.preview()) == {"average_precision": None}


def test_what_json_cannot_hold_is_refused(dataset: MetricsDataset) -> None:
    with pytest.raises(DatasetError, match="a set cannot be saved as JSON"):
        dataset.save({"classes": {"a"}})
    assert not dataset.exists()
