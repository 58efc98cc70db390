"""ROC area and average precision: parity with scikit-learn, ties, and the bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from graft.evaluation import ranking as ranking_module
from graft.evaluation.ranking import CURVE_POINTS, Ranking, resampled_ranking_scores

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


def test_resampled_scores_are_those_of_the_resampled_images(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 30)
    scores = np.round(labels + rng.standard_normal(30), 1)
    monkeypatch.setattr(ranking_module, "_CHUNK", 7 * 30)  # seven sets at a time
    areas, precisions = resampled_ranking_scores(labels, scores, 20, seed=5)
    again = np.random.default_rng(5)
    rows = np.concatenate([again.integers(30, size=(sets, 30)) for sets in (7, 7, 6)])
    assert areas == pytest.approx(
        [sklearn_metrics.roc_auc_score(labels[drawn], scores[drawn]) for drawn in rows]
    )
    assert precisions == pytest.approx(
        [sklearn_metrics.average_precision_score(labels[drawn], scores[drawn]) for drawn in rows]
    )


def test_a_resample_without_positives_is_undefined_not_zero() -> None:
    labels, scores = np.array([1, 0, 0]), np.array([0.9, 0.1, 0.2])
    areas, precisions = resampled_ranking_scores(labels, scores, 200, seed=0)
    assert np.isnan(areas).any()
    assert np.isnan(precisions).any()
    assert set(areas[~np.isnan(areas)]) == {1.0}


def test_long_curves_are_thinned_but_keep_ends_and_area() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 5000)
    ranking = Ranking.of(labels, labels + rng.standard_normal(5000))
    curve = ranking.roc_curve()
    assert CURVE_POINTS / 2 < len(curve["fpr"]) <= CURVE_POINTS
    assert (curve["fpr"][0], curve["tpr"][0], curve["fpr"][-1], curve["tpr"][-1]) == (0, 0, 1, 1)
    assert np.trapezoid(curve["tpr"], curve["fpr"]) == pytest.approx(ranking.roc_auc(), abs=1e-3)
    assert len(ranking.precision_recall_curve()["recall"]) <= CURVE_POINTS
