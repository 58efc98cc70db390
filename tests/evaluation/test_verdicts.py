"""Reproduced, better, worse or not comparable: the rule, and what must be true of any such rule."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.evaluation.intervals import Interval, wilson_interval
from graft.evaluation.verdicts import (
    BETTER,
    NOT_COMPARABLE,
    REPRODUCED,
    WORSE,
    half_unit,
    judge,
    over_seeds,
    reported_interval,
)

SHARES = st.floats(0.02, 0.98)
IMAGES = st.integers(100, 50_000)


def around(value: float, images: int) -> Interval:
    """An accuracy on so many images, with Wilson's interval."""
    low, high = wilson_interval(value * images, images, 0.95)
    return Interval(value, float(low), float(high))


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [(0.8914, REPRODUCED), (0.8990, REPRODUCED), (0.9090, BETTER), (0.8700, WORSE)],
)
def test_accuracies_on_ten_thousand_images(measured: float, verdict: str) -> None:
    assert judge("accuracy", 0.8914, around(measured, 10_000), 10_000, 0.95).verdict == verdict


def test_of_a_loss_less_is_better() -> None:
    measured = Interval(1.60, 1.57, 1.63)
    assert judge("log_loss", 1.7084, measured, 2000, 0.95).verdict == BETTER
    assert judge("log_loss", 1.5, measured, 2000, 0.95).verdict == WORSE


def test_a_rounded_number_may_have_been_any_that_is_rounded_to_it() -> None:
    """98 % on ten million images: its binomial interval is far narrower than its last digit."""
    measured = around(0.9838, 10_000_000)
    assert judge("accuracy", 0.98, measured, 10_000_000, 0.95).verdict == REPRODUCED
    assert judge("accuracy", 0.9801, measured, 10_000_000, 0.95).verdict == BETTER


@pytest.mark.parametrize(
    ("reported", "half"),
    [(0.8914, 5e-5), (0.15, 0.005), (0.9, 0.005), (1.7084, 5e-5), (1e-5, 5e-6)],
)
def test_the_last_digit(reported: float, half: float) -> None:
    assert half_unit(reported) == pytest.approx(half)


def test_counts_are_the_same_or_are_not() -> None:
    counted = Interval(1_985_770.0, 1_985_770.0, 1_985_770.0)
    assert judge("parameters", 1_985_770, counted, 0, 0.95).verdict == REPRODUCED
    assert judge("parameters", 1_985_771, counted, 0, 0.95).verdict == NOT_COMPARABLE


def test_what_is_not_defined_cannot_be_compared() -> None:
    nothing = Interval(math.nan, math.nan, math.nan)
    assert judge("macro_f1", 0.8, nothing, 100, 0.95).verdict == NOT_COMPARABLE
    endless = Interval(0.7, math.nan, math.nan)
    assert judge("macro_f1", 0.8, endless, 100, 0.95).verdict == NOT_COMPARABLE


@given(SHARES, IMAGES)
def test_the_same_number_is_reproduced(value: float, images: int) -> None:
    assert judge("accuracy", value, around(value, images), images, 0.95).verdict == REPRODUCED


@given(SHARES, SHARES, IMAGES)
def test_a_verdict_says_on_which_side_the_measured_value_lies(
    reported: float, measured: float, images: int
) -> None:
    for measure, higher in (("accuracy", BETTER), ("log_loss", WORSE)):
        verdict = judge(measure, reported, around(measured, images), images, 0.95).verdict
        if verdict != REPRODUCED:
            assert (verdict == higher) == (measured > reported)


@given(SHARES, SHARES, IMAGES)
def test_farther_away_is_never_reproduced_where_nearer_is_not(
    reported: float, measured: float, images: int
) -> None:
    nearer = (reported + measured) / 2
    if judge("accuracy", reported, around(nearer, images), images, 0.95).verdict != REPRODUCED:
        farther = judge("accuracy", reported, around(measured, images), images, 0.95).verdict
        assert farther != REPRODUCED


@given(SHARES, SHARES, IMAGES)
def test_with_the_roles_exchanged_better_is_worse(a: float, b: float, images: int) -> None:
    """As far as both are given with all their digits."""
    there = judge("accuracy", a, around(b, images), images, 0.95).verdict
    back = judge("accuracy", b, around(a, images), images, 0.95).verdict
    if half_unit(a) == half_unit(b):
        assert {BETTER: WORSE, WORSE: BETTER, REPRODUCED: REPRODUCED}[there] == back


@given(st.floats(0.0, 1.0), IMAGES)
def test_the_reported_interval_holds_the_reported_value(value: float, images: int) -> None:
    for measure in ("accuracy", "macro_f1"):
        low, high = reported_interval(measure, value, around(0.5, images), images, 0.95)
        assert low <= value <= high


def test_two_equally_good_trainings_are_called_different_in_few_of_many_tables() -> None:
    """Two draws from 10,000 images that are right at 85 %: far fewer than 5 % beyond the rule."""
    rng = np.random.default_rng(0)
    rights = rng.binomial(10_000, 0.85, size=(2, 1000)) / 10_000
    verdicts = [judge("accuracy", a, around(b, 10_000), 10_000, 0.95).verdict for a, b in rights.T]
    assert verdicts.count(REPRODUCED) > 985


def test_over_seeds_the_mean_counts_and_seeds_widen_its_interval() -> None:
    runs = [Interval(v, v - 0.01, v + 0.01) for v in (0.70, 0.72, 0.74)]
    interval, deviation = over_seeds(runs, 0.95)
    assert interval.value == pytest.approx(0.72)
    assert deviation == pytest.approx(0.02)
    of_seeds = 4.3027 * 0.02 / math.sqrt(3)
    assert interval.high - 0.72 == pytest.approx(math.hypot(0.01, of_seeds), rel=1e-4)
    assert over_seeds(runs[:1], 0.95)[0] == runs[0]
    assert math.isnan(over_seeds(runs[:1], 0.95)[1])
