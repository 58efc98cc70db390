"""Resampled rankings: those of the images that were drawn, exactly, and of the same ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from graft.evaluation import bootstrap
from graft.evaluation.bootstrap import RankedImages, over_resamples, resampled_ranking_scores
from graft.evaluation.ranking import Ranking

# Labels with some not counted, and few distinct scores, so that ties are the rule.
SCORED = st.lists(st.tuples(st.integers(-1, 1), st.integers(-3, 3)), min_size=1, max_size=30)
SCORES: list[Callable[[Ranking], np.ndarray]] = [
    Ranking.roc_auc,
    Ranking.average_precision,
    Ranking.interpolated_average_precision,
]


@given(SCORED)
def test_every_image_once_gives_the_ranking_itself(images: list[tuple[int, int]]) -> None:
    labels, scores = np.array(images).T
    counted = labels >= 0
    whole = Ranking.of(labels[counted], scores[counted])
    counted_anew = RankedImages.of(labels, scores).ranking(np.ones((len(labels), 1)))
    for score in SCORES:
        assert score(counted_anew)[0] == pytest.approx(float(score(whole)), nan_ok=True)


@given(SCORED, st.data())
def test_an_image_drawn_twice_counts_twice(
    images: list[tuple[int, int]], data: st.DataObject
) -> None:
    labels, scores = np.array(images).T
    counts = data.draw(st.lists(st.integers(0, 3), min_size=len(images), max_size=len(images)))
    repeated = np.repeat(np.arange(len(images)), counts)
    repeated = repeated[labels[repeated] >= 0]
    whole = Ranking.of(labels[repeated], scores[repeated])
    column = np.array(counts, dtype=np.float64)[:, None]
    counted_anew = RankedImages.of(labels, scores).ranking(column)
    for score in SCORES:
        assert score(counted_anew)[0] == pytest.approx(float(score(whole)), nan_ok=True)


def test_resampled_scores_are_those_of_the_resampled_images(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 30)
    scores = np.round(labels + rng.standard_normal(30), 1)
    monkeypatch.setattr(bootstrap, "_SETS", 7)  # seven sets at a time
    areas, precisions = resampled_ranking_scores(labels, scores, 20, seed=5)
    again = np.random.default_rng(5)
    rows = np.concatenate([again.integers(30, size=(sets, 30)) for sets in (7, 7, 6)])
    assert areas == pytest.approx(
        [sklearn_metrics.roc_auc_score(labels[drawn], scores[drawn]) for drawn in rows]
    )
    assert precisions == pytest.approx(
        [sklearn_metrics.average_precision_score(labels[drawn], scores[drawn]) for drawn in rows]
    )


def test_the_questions_of_an_image_stay_together() -> None:
    """Twice the same question, in one pool, is drawn as once."""
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, 40), rng.standard_normal(40)
    once = resampled_ranking_scores(labels, scores, 50, seed=0)
    twice = resampled_ranking_scores(
        np.stack([labels, labels], axis=1), np.stack([scores, scores], axis=1), 50, seed=0
    )
    np.testing.assert_allclose(twice, once, rtol=1e-5)


def test_scores_of_many_images_are_told_apart_finely_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 3000)
    scores = labels + rng.standard_normal(3000)
    exact = resampled_ranking_scores(labels, scores, 20, seed=0)
    monkeypatch.setattr(bootstrap, "_GROUPS", 1000)
    np.testing.assert_allclose(
        resampled_ranking_scores(labels, scores, 20, seed=0), exact, atol=1e-3
    )


def test_every_resample_draws_as_many_images_whatever_is_measured() -> None:
    drawn = over_resamples(lambda counts: counts, 50, 300, seed=1)
    assert drawn.shape == (50, 300)
    np.testing.assert_array_equal(drawn.sum(axis=0), 50)
    # A binomial count of 50 draws at 1 / 50, of 15,000 images: its variance is 0.98.
    assert drawn.var() == pytest.approx(0.98, rel=0.05)
    np.testing.assert_array_equal(
        over_resamples(lambda counts: counts[:1] * 2, 50, 300, seed=1)[0], 2 * drawn[0]
    )
    assert not np.array_equal(over_resamples(lambda counts: counts, 50, 300, seed=2), drawn)


def test_a_resample_without_positives_is_undefined_not_zero() -> None:
    labels, scores = np.array([1, 0, 0]), np.array([0.9, 0.1, 0.2])
    areas, precisions = resampled_ranking_scores(labels, scores, 200, seed=0)
    assert np.isnan(areas).any()
    assert np.isnan(precisions).any()
    assert set(areas[~np.isnan(areas)]) == {1.0}
