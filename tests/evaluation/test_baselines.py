"""Baselines: the best answer that looks at no image."""

from __future__ import annotations

import numpy as np
import pytest

from graft.evaluation import Predictions, baseline_predictions
from graft.evaluation.baselines import majority_share
from graft.evaluation.metrics import overall_scores


def test_the_commonest_class_is_answered_throughout() -> None:
    given = Predictions("any", list("abc"), [2, 0, 2], np.eye(3), tuple("xyz"), 1.0)
    baseline = baseline_predictions(given)
    assert baseline.predicted.tolist() == [2, 2, 2]
    assert baseline.method == "majority class"
    assert np.isnan(baseline.seconds)


def test_prevalences_claim_common_labels_and_rank_like_chance() -> None:
    labels = np.array([[1, 0, 0], [1, 1, 0], [1, -1, 0], [0, 0, 0]])
    given = Predictions(
        "any", list("abcd"), labels, np.zeros((4, 3)), tuple("xyz"), 1.0, threshold=0.0
    )
    baseline = baseline_predictions(given)
    assert baseline.method == "class prevalence"
    np.testing.assert_allclose(baseline.scores[0], [3 / 4, 1 / 3, 0], rtol=1e-6)
    assert baseline.predicted.tolist() == [[1, 0, 0]] * 4
    scores = overall_scores(baseline, resamples=20, confidence=0.95, seed=0)
    # No image shows the third class, so the mean is over two.
    assert scores["mean_average_precision"].value == pytest.approx((3 / 4 + 1 / 3) / 2)


def test_random_rankings_come_to_the_mean_prevalence() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random((20_000, 3)) < [0.05, 0.2, 0.5]).astype(np.int8)
    random = Predictions(
        "any", np.arange(20_000), labels, rng.random(labels.shape), tuple("xyz"), 1.0, threshold=0.5
    )
    found, expected = (
        overall_scores(given, resamples=2, confidence=0.95, seed=0)["mean_average_precision"].value
        for given in (random, baseline_predictions(random))
    )
    assert found == pytest.approx(expected, abs=0.01)


def test_the_majority_share_is_the_accuracy_of_one_answer() -> None:
    assert majority_share(np.array([2, 0, 2, 2])) == 0.75
    several = np.array([[1, 0, 0], [1, 1, 0], [1, -1, 0], [0, 0, 0]])
    assert majority_share(several) == pytest.approx((3 + 2 + 4) / 11)
    assert np.isnan(majority_share(np.array([], dtype=int)))
    assert np.isnan(majority_share(np.full((2, 2), -1)))
