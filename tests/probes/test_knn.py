"""Nearest neighbours are scikit-learn's, without a matrix of all distances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from graft.errors import GraftError
from graft.probes import knn
from graft.probes.knn import KNNClassifier, KNNRecipe, fit_knn

DIGITS = load_digits()
FEATURES = DIGITS.data.astype(np.float32)
LABELS = DIGITS.target.astype(np.int64)
NAMES = tuple(map(str, range(10)))
TRAIN, TEST = slice(0, 300), slice(300, 600)


def fitted(labels: np.ndarray = LABELS[TRAIN], **recipe: Any) -> KNNClassifier:
    names = NAMES if labels.ndim == 1 else NAMES[: labels.shape[1]]
    return fit_knn(FEATURES[TRAIN], labels, names, KNNRecipe(**recipe), seed=0)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("neighbours", [1, 7, 300])
def test_votes_are_scikit_learns(metric: Any, weights: Any, neighbours: int) -> None:
    scaled = StandardScaler().fit(FEATURES[TRAIN]).transform(FEATURES)
    theirs = KNeighborsClassifier(neighbours, metric=metric, weights=weights, algorithm="brute")
    expected = theirs.fit(scaled[TRAIN], LABELS[TRAIN]).predict_proba(scaled[TEST])
    scores = fitted(neighbours=neighbours, metric=metric, weights=weights).scores(FEATURES[TEST])
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, atol=1e-4)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_blocks_change_nothing(metric: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = fitted(neighbours=5, metric=metric)
    whole = probe.scores(FEATURES[TEST])
    monkeypatch.setattr(knn, "_PRODUCTS", 1000)
    np.testing.assert_allclose(probe.scores(FEATURES[TEST]), whole, atol=1e-5)


def test_an_image_that_is_known_outvotes_all_others() -> None:
    scores = fitted(neighbours=20).scores(FEATURES[TRAIN])
    np.testing.assert_array_equal(scores, np.eye(10)[LABELS[TRAIN]])


def test_of_several_labels_only_neighbours_that_count_vote() -> None:
    labels = np.stack([LABELS % 2 == 0, LABELS > 6], axis=1).astype(np.int8)[TRAIN]
    labels[:100, 0] = -1
    labels[:, 1] = np.where(labels[:, 1] == 1, -1, 0)
    scores = fitted(labels, neighbours=9, weights="uniform").scores(FEATURES[TEST])
    assert ((scores[:, 0] > 0.5) == (LABELS[TEST] % 2 == 0)).mean() > 0.85
    assert (scores[:, 1] == 0).all()


def test_several_labels_of_which_each_image_has_one_get_the_votes_of_one_label() -> None:
    one_hot = (LABELS[TRAIN, None] == np.arange(10)).astype(np.int8)
    of_each, of_one = (fitted(labels, neighbours=7) for labels in (one_hot, LABELS[TRAIN]))
    np.testing.assert_allclose(
        of_each.scores(FEATURES[TEST]), of_one.scores(FEATURES[TEST]), atol=1e-6
    )


def test_the_number_is_chosen_on_training_images() -> None:
    probe = fitted()
    rows = probe.metadata["search"]
    assert [row["neighbours"] for row in rows] == [50, 20, 10, 5, 3, 1]
    best = max(rows, key=lambda row: row["mean"])
    assert best["chosen"]
    assert probe.metadata["recipe"]["neighbours"] == best["neighbours"]
    assert (probe.scores(FEATURES[TEST]).argmax(axis=1) == LABELS[TEST]).mean() > 0.8


def test_more_neighbours_than_images_are_all_of_them() -> None:
    assert fitted(neighbours=1000).metadata["recipe"]["neighbours"] == 300


def test_features_of_another_width_are_refused() -> None:
    with pytest.raises(GraftError, match=r"k-NN was fitted to 64 features"):
        fitted(neighbours=1).scores(FEATURES[TEST, :32])
