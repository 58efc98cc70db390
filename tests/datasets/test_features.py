from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graft.datasets import FeaturesDataset
from graft.probes.extraction import Features


def make_features(matrix: np.ndarray, ids: np.ndarray) -> Features:
    return Features(
        matrix=matrix,
        ids=ids,
        labels=np.arange(len(matrix), dtype=np.int64) % 2,
        splits=np.array(["train"] * len(matrix)),
        class_names=("cat", "NA"),
        metadata={"taps": ["stage3"], "backbone": "resnet20_cifar"},
    )


@pytest.mark.parametrize(
    "matrix",
    [
        pytest.param(np.arange(12, dtype=np.float32).reshape(4, 3), id="rows first"),
        pytest.param(np.arange(12, dtype=np.float32).reshape(3, 4).T, id="columns first"),
        pytest.param(np.arange(24, dtype=np.float32).reshape(4, 6)[:, ::2], id="every second"),
    ],
)
def test_features_come_back(tmp_path: Path, matrix: np.ndarray) -> None:
    features = make_features(matrix, np.array(["007", "b/ü.png", "", "d"], dtype=object))
    dataset = FeaturesDataset(filepath=str(tmp_path / "features.safetensors"))
    dataset.save(features)
    loaded = dataset.load()
    assert loaded.matrix.dtype == np.float32
    np.testing.assert_array_equal(loaded.matrix, matrix)
    for name in ("ids", "labels", "splits"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(features, name))
    assert loaded.ids.dtype.kind == "U"
    assert loaded.class_names == ("cat", "NA")
    assert loaded.metadata == features.metadata
    assert (loaded.splits == "train").sum() == 4
