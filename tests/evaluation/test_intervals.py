"""Intervals: closed forms against published numbers, and coverage."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from graft.evaluation.intervals import (
    FEW,
    Interval,
    mean_score_interval,
    percentile_interval,
    proportion_interval,
    score_interval,
    wilson_interval,
)


@given(st.integers(1, 500), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_equals_scipy(trials: int, data: st.DataObject, confidence: float) -> None:
    successes = data.draw(st.integers(0, trials))
    expected = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    assert wilson_interval(successes, trials, confidence) == pytest.approx(
        (expected.low, expected.high), abs=1e-9
    )


def test_no_trials_have_no_interval() -> None:
    low, high = wilson_interval(np.array([0, 1]), np.array([0, 2]), 0.95)
    assert np.isnan([low[0], high[0]]).all()
    assert np.isfinite([low[1], high[1]]).all()


def test_all_right_is_not_certainty() -> None:
    interval = proportion_interval(np.ones(1000), 36, 36, 0.95)
    assert interval.high == 1
    assert interval.low == pytest.approx(0.904, abs=0.001)


def bootstrap_of(successes: int, trials: int, resamples: int = 2000) -> np.ndarray:
    return np.random.default_rng(successes).binomial(trials, successes / trials, resamples) / trials


@pytest.mark.parametrize("true_accuracy", [0.6, 0.8, 0.9, 0.95, 0.97, 0.99])
@pytest.mark.parametrize("trials", [36, 100])
def test_accuracy_intervals_cover_the_truth_where_the_bootstrap_alone_does_not(
    trials: int, true_accuracy: float
) -> None:
    counts = np.arange(trials + 1)
    chance = binom.pmf(counts, trials, true_accuracy)

    def coverage(intervals: list[Interval]) -> float:
        covers = [interval.low <= true_accuracy <= interval.high for interval in intervals]
        return float(chance[covers].sum())

    samples = [bootstrap_of(int(count), trials) for count in counts]
    ours = [
        proportion_interval(drawn, int(count), trials, 0.95)
        for count, drawn in zip(counts, samples, strict=True)
    ]
    assert coverage(ours) >= 0.90
    if true_accuracy == 0.99:
        naive = [Interval(drawn.mean(), *percentile_interval(drawn, 0.95)) for drawn in samples]
        assert coverage(naive) < 0.7


def test_enough_images_on_both_sides_get_the_bootstrap() -> None:
    drawn = bootstrap_of(300, 300 + FEW)
    interval = proportion_interval(drawn, 300, 300 + FEW, 0.9)
    assert interval[1:] == pytest.approx(tuple(np.quantile(drawn, [0.05, 0.95])))


def test_resamples_where_a_score_is_undefined_are_left_out() -> None:
    drawn = np.array([np.nan, *np.linspace(0, 1, 101), np.nan])
    assert percentile_interval(drawn, 0.9) == pytest.approx((0.05, 0.95))


def test_a_perfect_score_gets_the_bound_of_as_many_trials() -> None:
    interval = score_interval(1.0, np.ones(100), 36.0, 0.95)
    assert interval == pytest.approx((1, 36 / (36 + 1.96**2), 1), abs=1e-4)
    nothing = score_interval(0.0, np.zeros(100), 36.0, 0.95)
    assert nothing == pytest.approx((0, 0, 1 - interval.low))


def test_an_interval_holds_its_value_even_if_no_resample_does() -> None:
    interval = score_interval(0.9, np.full(100, 0.7), 10.0, 0.95)
    assert interval == (0.9, pytest.approx(0.7), 0.9)


def test_a_mean_over_classes_is_shifted_against_the_bias_of_its_resamples() -> None:
    drawn = np.linspace(0.5, 0.7, 101)  # all but one above the value
    interval = mean_score_interval(0.5, drawn, 36.0, 0.9)
    assert interval == pytest.approx((0.5, 0.31, 0.5), abs=1e-9)
    assert mean_score_interval(0.05, np.linspace(0, 0.4, 101), 36.0, 0.9).low == 0
    perfect = mean_score_interval(1.0, np.ones(100), 36.0, 0.95)
    assert perfect == score_interval(1.0, np.ones(100), 36.0, 0.95)


@pytest.mark.parametrize("interval", [score_interval, mean_score_interval])
def test_what_is_undefined_has_no_interval(interval: Callable[..., Interval]) -> None:
    assert np.isnan(interval(np.nan, np.full(10, np.nan), 0.0, 0.95)).all()


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95])
def test_a_confidence_that_is_no_share_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match=r"evaluation\.confidence"):
        wilson_interval(1, 2, confidence)
