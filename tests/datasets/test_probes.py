"""Linear probes and nearest neighbours come back as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graft.datasets import CandidateWeightsDataset, KNNDataset, LinearProbeDataset
from graft.errors import GraftError
from graft.probes.knn import KNNRecipe, fit_knn
from graft.probes.linear_probe import LinearProbeRecipe, fit_linear_probe

FEATURES = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
CLASSES = np.arange(60, dtype=np.int64) % 3
SEVERAL = np.stack([CLASSES == 0, CLASSES > 0, CLASSES > 5], axis=1).astype(np.int8)
NAMES = ("a", "b", "c")


@pytest.mark.parametrize("labels", [CLASSES, SEVERAL], ids=["one label", "several"])
def test_they_come_back_with_the_same_scores(tmp_path: Path, labels: np.ndarray) -> None:
    linear = fit_linear_probe(FEATURES, labels, NAMES, LinearProbeRecipe(), seed=0)
    neighbours = fit_knn(FEATURES, labels, NAMES, KNNRecipe(), seed=0)
    for dataset, probe in (
        (LinearProbeDataset(filepath=str(tmp_path / "linear.safetensors")), linear),
        (KNNDataset(filepath=str(tmp_path / "knn.safetensors")), neighbours),
    ):
        dataset.save(probe)
        loaded = dataset.load()
        np.testing.assert_array_equal(loaded.scores(FEATURES), probe.scores(FEATURES))
        assert loaded.class_names == NAMES
        assert loaded.metadata == probe.metadata
        assert '"search"' in dataset.preview()


def test_weights_of_candidates_are_loaded_one_by_one_when_asked_for() -> None:
    candidates = [
        {"backbone": "resnet20_cifar", "weights": "none"},
        {"backbone": "resnet20_cifar", "weights": "nowhere.safetensors"},
    ]
    none, missing = CandidateWeightsDataset(candidates=candidates).load()
    assert none() is None
    with pytest.raises(GraftError, match="there is no file nowhere"):
        missing()
