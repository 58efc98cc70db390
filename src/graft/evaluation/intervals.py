"""Confidence intervals of what was measured on a finite set of test images.

The intervals answer "what if other images of the same kind had been drawn?" by the percentile
bootstrap (Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 13). They do not
cover what another training seed would change: for that, `comparison.paired_seeds_interval`.

The bootstrap is blind at the edge: with 36 of 36 right every resample is perfect and it reports
[1, 1]. Proportions (accuracy, per-class accuracy, cells of the confusion matrix) therefore switch
to Wilson's score interval (1927) wherever fewer than `FEW` images are right, or wrong. Exact
coverage of a nominal 95 % interval, the worst over true accuracies from 0.5 to 0.995:

    test images                     36      100     360     1000
    bootstrap alone               0.17     0.39    0.83     0.93
    bootstrap, Wilson if 0 or all 0.86     0.87    0.89     0.93
    bootstrap, Wilson below 10    0.90     0.91    0.94     0.94
    Wilson alone                  0.90     0.91    0.94     0.94

Scores that are not proportions (balanced accuracy, macro-F1, ROC area, average precision) have no
such closed form. They keep the bootstrap and borrow Wilson's bound only at exactly 0 or 1.

Average precision is too high where a class has few images, and on resamples, which hold fewer
distinct ones, still higher. For a single class that is little beside its spread, but the spread of
a mean over many classes is small. The mean average precision therefore has the basic bootstrap
interval (Davison and Hinkley 1997, Bootstrap Methods and their Application, section 5.2), which
shifts the other way. Coverage of a nominal 95 % interval, 20 classes shown by 10 % of the images:

    test images                     100     200     500     1000    5000
    percentile                    0.46    0.58    0.78    0.82    0.90
    basic                         0.89    0.89    0.91    0.93    0.93
    basic, of a difference        0.92    0.92    0.94    0.93    0.93

The 11-point measure is biased by its maxima, which resamples do not show (basic: 0.67 to 0.90, of
200 to 2,000 images); it has no interval.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

FEW = 10  # right or wrong images below which a proportion's bootstrap is not trusted


class Interval(NamedTuple):
    """A measured value and the ends of its confidence interval."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float | None]:
        """{"value", "low", "high"}."""
        return {name: json_number(number) for name, number in self._asdict().items()}


def wilson_interval(
    successes: np.ndarray | float, trials: np.ndarray | float, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's score interval of a proportion (Wilson 1927; Brown, Cai and DasGupta 2001).

    Args:
        successes: Count of successes, any shape; fractions are allowed.
        trials: Count of trials, broadcast against `successes`.
        confidence: Coverage, for example 0.95.

    Returns:
        Lower and upper ends; NaN where there were no trials.
    """
    z = normal_quantile(confidence)
    trials = np.where(np.asarray(trials) > 0, trials, np.nan)
    share = successes / trials
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z * np.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2) / (1 + z**2 / trials)
    # At 0 and 1 the end equals the proportion; rounding must not carry it past.
    return np.minimum(np.maximum(centre - half, 0), share), np.maximum(
        np.minimum(centre + half, 1), share
    )


def percentile_interval(samples: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Percentile bootstrap interval.

    Args:
        samples: (R, ...), the statistic on each of R resamples; NaN where it is undefined there
            (a resample without a positive image has no ROC area), which leaves that one out.
        confidence: Coverage.

    Returns:
        Lower and upper ends, (...).
    """
    tail = (1 - confidence) / 2
    quantile = np.nanquantile if np.isnan(samples).any() else np.quantile
    low, high = quantile(samples, [tail, 1 - tail], axis=0)
    return low, high


def proportion_interval(
    samples: np.ndarray, successes: int, trials: int, confidence: float
) -> Interval:
    """Interval of the proportion `successes` / `trials`: bootstrap, or Wilson below `FEW`.

    Args:
        samples: (R,), the proportion on each resample.
        successes: Images that were right.
        trials: Images in all, at least 1.
        confidence: Coverage.
    """
    value = successes / trials
    if min(successes, trials - successes) < FEW:
        low, high = wilson_interval(successes, trials, confidence)
    else:
        low, high = percentile_interval(samples, confidence)
    return Interval(value, float(low), float(high))


def score_interval(
    value: float, samples: np.ndarray, effective_trials: float, confidence: float
) -> Interval:
    """Bootstrap interval of a score between 0 and 1 that is not a proportion.

    The interval is stretched to hold its value where the resamples are all off to one side, as
    those of macro-F1 are when classes have a handful of images.

    Args:
        value: The score on the test images.
        samples: (R,), the score on each resample.
        effective_trials: The number of yes-or-no trials that tell as much as these images; gives
            Wilson's bound where the score is exactly 0 or 1 and so are all its resamples.
        confidence: Coverage.
    """
    if np.isnan(value):
        return Interval(value, value, value)
    nearest_end = round(value)
    if abs(value - nearest_end) < 1e-9:
        low, high = wilson_interval(nearest_end * effective_trials, effective_trials, confidence)
    else:
        low, high = percentile_interval(samples, confidence)
    return Interval(value, min(float(low), value), max(float(high), value))


def mean_score_interval(
    value: float, samples: np.ndarray, effective_trials: float, confidence: float
) -> Interval:
    """Basic bootstrap interval of a mean over classes of average precisions; see the table above.

    Arguments as of `score_interval`.
    """
    interval = score_interval(value, 2 * value - samples, effective_trials, confidence)
    return Interval(value, max(interval.low, 0.0), min(interval.high, 1.0))


def loss_interval(value: float, samples: np.ndarray, confidence: float) -> Interval:
    """Bootstrap interval of a mean loss, which has no upper bound.

    It has no width where the loss of every image is the same, as if nothing were guessed.

    Args:
        value: The loss on the test images, NaN if undefined.
        samples: (R,), the loss on each resample.
        confidence: Coverage.
    """
    if np.isnan(value):
        return Interval(value, value, value)
    low, high = map(float, percentile_interval(samples, confidence))
    return Interval(value, min(low, value), max(high, value))


def json_number(number: float) -> float | None:
    """The number, or None for NaN, which JSON does not have."""
    return None if np.isnan(number) else float(number)


def normal_quantile(confidence: float) -> float:
    """z such that a standard normal lies within (-z, z) with probability `confidence`.

    Raises:
        ValueError: `confidence` is not strictly between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"evaluation.confidence is {confidence}, must lie between 0 and 1")
    return NormalDist().inv_cdf((1 + confidence) / 2)
