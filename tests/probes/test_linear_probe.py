"""A linear probe is scikit-learn's logistic regression on standardised features."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from graft.errors import GraftError
from graft.probes.linear_probe import LinearProbe, LinearProbeRecipe, fit_linear_probe

DIGITS = load_digits()
FEATURES = DIGITS.data.astype(np.float32)
LABELS = DIGITS.target.astype(np.int64)
NAMES = tuple(map(str, range(10)))
TRAIN, TEST = slice(0, 300), slice(300, 600)
SCALED = StandardScaler().fit(FEATURES[TRAIN]).transform(FEATURES)


def fitted(labels: np.ndarray = LABELS, rows: Any = TRAIN, **recipe: Any) -> LinearProbe:
    names = NAMES if labels.ndim == 1 else NAMES[: labels.shape[1]]
    return fit_linear_probe(FEATURES[rows], labels[rows], names, LinearProbeRecipe(**recipe), 0)


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_probabilities_are_scikit_learns(class_weight: Any) -> None:
    scores = fitted(C=0.1, class_weight=class_weight).scores(FEATURES[TEST])
    theirs = LogisticRegression(C=0.1, tol=1e-8, max_iter=1000, class_weight=class_weight)
    theirs.fit(SCALED[TRAIN], LABELS[TRAIN])
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, theirs.predict_proba(SCALED[TEST]), atol=2e-3)


def test_several_labels_are_regressions_of_their_own() -> None:
    labels = np.stack([LABELS % 2 == 0, LABELS > 6, LABELS < 0], axis=1).astype(np.int8)
    labels[:50, 0] = -1
    scores = fitted(labels, C=0.1).scores(FEATURES[TEST])
    theirs = LogisticRegression(C=0.1, tol=1e-8).fit(SCALED[50:300], labels[50:300, 0])
    np.testing.assert_allclose(scores[:, 0], theirs.predict_proba(SCALED[TEST])[:, 1], atol=2e-3)
    assert ((scores[:, 1] > 0.5) == labels[TEST, 1]).mean() > 0.85
    assert (scores[:, 2] == 0).all()  # no image shows it


def test_a_class_without_training_images_has_no_probability() -> None:
    scores = fitted(rows=np.flatnonzero(LABELS[TRAIN] != 4), C=0.1).scores(FEATURES[TEST])
    assert (scores[:, 4] == 0).all()
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)


def test_the_price_is_chosen_on_training_images() -> None:
    probe = fitted()
    metadata = json.loads(json.dumps(probe.metadata))
    assert [row["C"] for row in metadata["search"]] == [1e-4, 1e-3, 0.01, 0.1, 1.0]
    best = max(metadata["search"], key=lambda row: row["mean"])
    assert best["chosen"]
    assert metadata["recipe"]["C"] == best["C"]
    assert best["measure"] == "accuracy"
    assert (probe.scores(FEATURES[TEST]).argmax(axis=1) == LABELS[TEST]).mean() > 0.8


def test_labels_of_one_class_are_refused() -> None:
    with pytest.raises(GraftError, match=r"a linear probe separates .* only: 4"):
        fitted(rows=np.flatnonzero(LABELS == 4))
