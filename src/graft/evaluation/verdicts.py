"""Whether a measured figure is the one that a report gives.

A report gives a number without an interval, from one training with an unknown seed, on test images
that are one draw of many. So a difference proves nothing as long as the two numbers may be draws
from the same source. The rule:

* What was measured has its interval [low, high]: the test images' and, of several seeds, the
  seeds' as well (`over_seeds`).
* What was reported gets one, too. Of a share of the images (accuracy) it is Wilson's binomial
  interval of the reported value on as many test images; of any other measure the reported value
  with the widths that were measured here, for the same measure on as many images spreads alike.
  Both are widened by half a unit of the last digit that the report gives, at least of a per cent:
  "98" may have been 97.5 or 98.5.
* **reproduced**: the two intervals overlap. **better**, **worse**: they do not.
* What is counted and not estimated (parameters, operations) is reproduced if it is the same number.
* **not comparable**: there is no such number on one of the two sides, or something is known to
  differ (size, data, weights, measure), which the caller has to say.

Overlap of two 95 % intervals is a lenient test of equality (about 99.4 % coverage where both are as
wide). That is meant: a table of a report has twenty rows, and the seed is in only one of the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from graft.evaluation.comparison import LOSSES
from graft.evaluation.intervals import Interval, wilson_interval

REPRODUCED, BETTER, WORSE = "reproduced", "better", "worse"
NOT_COMPARABLE = "not comparable"
VERDICTS = (REPRODUCED, BETTER, WORSE, NOT_COMPARABLE)

_PROPORTIONS = ("accuracy", "top5_accuracy", "exact_match")  # of the test images
COUNTED = ("parameters", "multiply_accumulates")  # of a network, with no chance in it
_LOWER_IS_BETTER = (*LOSSES, "ece", "loss")
_FEWEST_DECIMALS = 2


class Verdict(NamedTuple):
    """One of `VERDICTS`, and the reason in a few words."""

    verdict: str
    why: str


def judge(
    measure: str, reported: float, measured: Interval, test_images: int, confidence: float
) -> Verdict:
    """What a measured value says of a reported one; see the module for the rule.

    Args:
        measure: Its name, as in `graft.evaluation.metrics`.
        reported: The report's value, in the same unit.
        measured: The value here, with its interval.
        test_images: On how many it was measured.
        confidence: Coverage of the interval.
    """
    if np.isnan(measured).any():
        return Verdict(NOT_COMPARABLE, f"{measure} is not defined for what was measured")
    if measure in COUNTED:
        same = measured.value == reported
        return Verdict(REPRODUCED, "") if same else Verdict(NOT_COMPARABLE, "another count here")
    low, high = reported_interval(measure, reported, measured, test_images, confidence)
    if measured.low <= high and low <= measured.high:
        return Verdict(REPRODUCED, "")
    higher = measured.value > reported
    better = higher != is_lower_better(measure)
    return Verdict(BETTER if better else WORSE, "")


def reported_interval(
    measure: str, reported: float, measured: Interval, test_images: int, confidence: float
) -> tuple[float, float]:
    """Between which values the report's may have come out with another seed and other images.

    Arguments as of `judge`.
    """
    if measure in _PROPORTIONS and 0 <= reported <= 1:
        bounds = wilson_interval(reported * test_images, test_images, confidence)
        low, high = map(float, bounds)
    else:
        low = reported - (measured.high - measured.value)
        high = reported + (measured.value - measured.low)
    rounding = half_unit(reported)
    return low - rounding, high + rounding


def half_unit(reported: float) -> float:
    """Half a unit of the last digit, at least of two decimals: 0.8914 may have been 0.89144.

    >>> half_unit(0.8914), half_unit(0.9)
    (5e-05, 0.005)
    """
    exponent = Decimal(repr(float(reported))).as_tuple().exponent
    decimals = max(_FEWEST_DECIMALS, -int(exponent))
    return float(0.5 * 10.0**-decimals)


def over_seeds(measured: Sequence[Interval], confidence: float) -> tuple[Interval, float]:
    """The mean over seeds with its interval, and the standard deviation (NaN of one seed).

    The mean half-widths of the runs' own intervals (the test images', which the seeds may share)
    and that of Student's t interval of the mean (the seeds') are added as independent errors.

    Args:
        measured: The same measure of at least one run, each with another seed.
        confidence: Coverage of the intervals.
    """
    from scipy.stats import t

    values = np.array([interval.value for interval in measured])
    if len(values) == 1:
        return measured[0], float("nan")
    mean, deviation = float(values.mean()), float(values.std(ddof=1))
    of_seeds = float(t.ppf((1 + confidence) / 2, df=len(values) - 1)) * deviation
    of_seeds /= len(values) ** 0.5
    below = float(np.mean([interval.value - interval.low for interval in measured]))
    above = float(np.mean([interval.high - interval.value for interval in measured]))
    interval = Interval(
        mean, mean - float(np.hypot(below, of_seeds)), mean + float(np.hypot(above, of_seeds))
    )
    return interval, deviation


def is_lower_better(measure: str) -> bool:
    """Whether a smaller value is the better one."""
    return measure in _LOWER_IS_BETTER
