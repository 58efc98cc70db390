from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import skops.io
from kedro.io import DatasetError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from graft.datasets import SVMDataset
from graft.probes.svm import SVMClassifier, SVMRecipe, fit_svm
from graft.storage import committed

FEATURES = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
LABELS = np.arange(60, dtype=np.int64) % 3


@pytest.fixture
def dataset(tmp_path: Path) -> SVMDataset:
    return SVMDataset(filepath=str(tmp_path / "svm.skops"))


def fit(**recipe: object) -> SVMClassifier:
    return fit_svm(FEATURES, LABELS, ("a", "b", "c"), SVMRecipe(**recipe), seed=0)


@pytest.mark.parametrize(
    "recipe",
    [
        {"kernel": "rbf"},
        {"kernel": "rbf", "gamma": 0.1, "class_weight": "balanced"},
        {"kernel": "linear"},
        {"kernel": "linear", "positive_class": "b"},
    ],
    ids=str,
)
def test_a_classifier_comes_back_with_the_same_scores(
    dataset: SVMDataset, recipe: dict[str, object]
) -> None:
    classifier = fit(**recipe)
    dataset.save(classifier)
    loaded = dataset.load()
    np.testing.assert_array_equal(loaded.scores(FEATURES), classifier.scores(FEATURES))
    assert loaded.class_names == classifier.class_names
    assert loaded.metadata == classifier.metadata


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_machines_of_several_labels_come_back_as_plain_arrays(
    dataset: SVMDataset, tmp_path: Path, kernel: Literal["rbf", "linear"]
) -> None:
    labels = np.stack([LABELS == 0, LABELS > 0, LABELS > 5], axis=1).astype(np.int8)
    labels[:5, 0] = -1
    classifier = fit_svm(FEATURES, labels, ("a", "b", "c"), SVMRecipe(kernel=kernel), seed=0)
    dataset.save(classifier)
    loaded = dataset.load()
    scores = loaded.scores(FEATURES)
    np.testing.assert_array_equal(scores, classifier.scores(FEATURES))
    assert (scores[:, 2] == -np.inf).all()  # no image shows it
    np.testing.assert_array_equal(loaded.targets(labels), labels)
    assert loaded.metadata == classifier.metadata
    assert not skops.io.get_untrusted_types(file=tmp_path / "svm.skops" / "svm.skops")


def refuse(dataset: SVMDataset, tmp_path: Path, content: bytes, message: str) -> None:
    """Commit `content` as somebody could who knows the protocol, and expect a refusal."""
    with committed(tmp_path / "svm.skops") as folder:
        (folder / "svm.skops").write_bytes(content)
        (folder / "description.json").write_text('{"class_names": ["a"], "metadata": {}}')
    with pytest.raises(DatasetError, match=message):
        dataset.load()


def touch_witness(features: np.ndarray) -> np.ndarray:
    raise AssertionError("a refused file must never be run")


def test_other_types_are_refused_and_listed(dataset: SVMDataset, tmp_path: Path) -> None:
    pipeline = make_pipeline(FunctionTransformer(touch_witness), fit().scaler)
    unknown = r"is refused.*FunctionTransformer.*touch_witness"
    refuse(dataset, tmp_path, skops.io.dumps(pipeline), unknown)


def test_types_that_skops_itself_trusts_are_refused_too(
    dataset: SVMDataset, tmp_path: Path
) -> None:
    content = skops.io.dumps(FunctionTransformer(np.exp))
    assert not skops.io.get_untrusted_types(data=content)
    refuse(dataset, tmp_path, content, "FunctionTransformer")


def test_a_pickle_is_refused(dataset: SVMDataset, tmp_path: Path) -> None:
    refuse(dataset, tmp_path, pickle.dumps(fit().machine), "not a skops file")


def test_the_preview_describes_the_machine(dataset: SVMDataset) -> None:
    dataset.save(fit(kernel="linear"))
    shown = json.loads(dataset.preview())
    assert shown["class_names"] == ["a", "b", "c"]
    assert shown["metadata"]["recipe"]["kernel"] == "linear"
