"""ROC area and average precision: parity with scikit-learn, ties, and curves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from graft.evaluation.ranking import CURVE_POINTS, Ranking

# Few distinct scores, so that ties are the rule.
SCORED = st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=40).filter(
    lambda images: len({positive for positive, _ in images}) == 2
)


@given(SCORED)
def test_values_and_curves_equal_those_of_scikit_learn(images: list[tuple[bool, int]]) -> None:
    labels, scores = np.array(images, dtype=np.int64).T
    ranking = Ranking.of(labels, scores)
    assert ranking.roc_auc() == pytest.approx(sklearn_metrics.roc_auc_score(labels, scores))
    assert ranking.average_precision() == pytest.approx(
        sklearn_metrics.average_precision_score(labels, scores)
    )
    fpr, tpr, _ = sklearn_metrics.roc_curve(labels, scores, drop_intermediate=False)
    assert ranking.roc_curve() == {"fpr": pytest.approx(fpr), "tpr": pytest.approx(tpr)}
    precision, recall, _ = sklearn_metrics.precision_recall_curve(labels, scores)
    ours = ranking.precision_recall_curve()
    assert ours["precision"] == pytest.approx(precision[-2::-1])
    assert ours["recall"] == pytest.approx(recall[-2::-1])


def voc_average_precision(labels: np.ndarray, scores: np.ndarray) -> float:
    """Word for word as Everingham et al. (2010) define it; equal scores have one threshold."""
    thresholds = np.unique(scores)
    claimed = scores >= thresholds[:, None]
    found = (claimed & (labels == 1)).sum(axis=1)
    precision, total = found / claimed.sum(axis=1), (labels == 1).sum()
    at_recalls = [
        max((p for p, hits in zip(precision, found, strict=True) if 10 * hits >= t * total))
        for t in range(11)
    ]
    return float(np.mean(at_recalls))


@given(SCORED)
def test_the_11_point_measure_is_that_of_the_voc_challenge(images: list[tuple[bool, int]]) -> None:
    labels, scores = np.array(images, dtype=np.int64).T
    ours = Ranking.of(labels, scores).interpolated_average_precision()
    assert ours == pytest.approx(voc_average_precision(labels, scores))


def test_ten_positives_reach_each_tenth_of_recall_exactly() -> None:
    """0.3 of 10 images are 3, however 0.3 is rounded."""
    labels = np.repeat([1, 0], [10, 10])
    scores = np.concatenate([np.arange(10), np.arange(10) - 0.5])
    expected = voc_average_precision(labels, scores)
    assert Ranking.of(labels, scores).interpolated_average_precision() == pytest.approx(expected)


@pytest.mark.parametrize("labels", [[0, 0], []])
def test_without_positive_images_there_is_no_precision(labels: list[int]) -> None:
    ranking = Ranking.of(np.array(labels, dtype=int), np.zeros(len(labels)))
    for undefined in (
        ranking.roc_auc(),
        ranking.average_precision(),
        ranking.interpolated_average_precision(),
    ):
        assert np.isnan(undefined)


def test_long_curves_are_thinned_but_keep_ends_and_area() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 5000)
    ranking = Ranking.of(labels, labels + rng.standard_normal(5000))
    curve = ranking.roc_curve()
    assert CURVE_POINTS / 2 < len(curve["fpr"]) <= CURVE_POINTS
    assert (curve["fpr"][0], curve["tpr"][0], curve["fpr"][-1], curve["tpr"][-1]) == (0, 0, 1, 1)
    assert np.trapezoid(curve["tpr"], curve["fpr"]) == pytest.approx(ranking.roc_auc(), abs=1e-3)
    assert len(ranking.precision_recall_curve()["recall"]) <= CURVE_POINTS
