"""Resampled confusion matrices are distributed as drawing the images themselves would be."""

from __future__ import annotations

import numpy as np

from graft.evaluation.resampling import ClassTotals, resampled_classes, resampled_totals

RNG = np.random.default_rng(3)
LABELS = RNG.integers(0, 4, 60)
A = np.where(RNG.random(60) < 0.7, LABELS, RNG.integers(0, 4, 60))
B = np.where(RNG.random(60) < 0.5, A, RNG.integers(0, 4, 60))


def drawn_images(resamples: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 60, (resamples, 60))


def test_totals_have_the_spread_of_resampled_images() -> None:
    (ours,) = resampled_totals(LABELS, A[None], 4, 4000, seed=0)
    drawn = [ClassTotals.of(LABELS[rows], A[rows], 4) for rows in drawn_images(4000)]
    for score in (ClassTotals.accuracy, ClassTotals.balanced_accuracy, ClassTotals.macro_f1):
        expected = np.array([float(score(totals)) for totals in drawn])
        np.testing.assert_allclose(score(ours).mean(), expected.mean(), atol=0.006)
        np.testing.assert_allclose(score(ours).std(), expected.std(), rtol=0.06)


def test_two_classifiers_are_drawn_together() -> None:
    of_a, of_b = resampled_totals(LABELS, np.stack([A, B]), 4, 4000, seed=0)
    right_a, right_b = A == LABELS, B == LABELS
    rows = drawn_images(4000)
    expected = right_a[rows].mean(axis=1) - right_b[rows].mean(axis=1)
    difference = of_a.accuracy() - of_b.accuracy()
    np.testing.assert_allclose(difference.std(), expected.std(), rtol=0.06)
    np.testing.assert_array_equal(of_a.support, of_b.support)


def test_every_resample_has_as_many_images() -> None:
    (totals,) = resampled_totals(LABELS, A[None], 4, 50, seed=1)
    for counts in (totals.support, totals.predicted):
        np.testing.assert_array_equal(counts.sum(axis=1), 60)
    assert (totals.right <= np.minimum(totals.support, totals.predicted)).all()


def test_the_same_seed_draws_the_same_images() -> None:
    first, again, other = (
        [draws for _, _, draws in resampled_classes(LABELS, A[None], 4, 20, seed)]
        for seed in (7, 7, 8)
    )
    assert all(np.array_equal(x, y) for x, y in zip(first, again, strict=True))
    assert not all(np.array_equal(x, y) for x, y in zip(first, other, strict=True))


def test_unequal_classes_are_worth_fewer_images() -> None:
    equal = ClassTotals(*[np.array([50, 50])] * 3)
    unequal = ClassTotals(*[np.array([95, 5])] * 3)
    assert equal.effective_images() == 100
    assert 15 < unequal.effective_images() < 25
