"""p-values of differences, of one and of many at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def bootstrap_p(samples: np.ndarray) -> float:
    """Two-sided p-value of a difference of 0, from resampled differences (R,).

    Twice the share of them on the other side of 0 (Efron and Tibshirani 1993, chapter 15), each
    tail counted with one resample more, so that it is never 0. NaN are left out.
    """
    defined = samples[~np.isnan(samples)]
    across = min(int((defined <= 0).sum()), int((defined >= 0).sum()))
    return min(1.0, 2 * (across + 1) / (len(defined) + 1))


def paired_t_p(differences: Sequence[float]) -> float:
    """Two-sided p-value of a mean difference of 0, from at least two paired ones (Student's t).

    Differences that are all the same number have no spread: then it is 0, or 1 of zeros.
    """
    from scipy.stats import t

    error = float(np.std(differences, ddof=1)) / len(differences) ** 0.5
    mean = abs(float(np.mean(differences)))
    if error < 1e-12:
        return 1.0 if mean < 1e-12 else 0.0
    return float(2 * t.sf(mean / error, df=len(differences) - 1))


def holm(p_values: np.ndarray) -> np.ndarray:
    """Adjusted p-values (M,) under which the chance of any false finding stays below the level.

    Holm (1979), A simple sequentially rejective multiple test procedure; valid however the tests
    depend on each other, never less powerful than Bonferroni's.
    """
    order = np.argsort(p_values, kind="stable")
    stepped = (len(order) - np.arange(len(order))) * p_values[order]
    return _in_place(np.maximum.accumulate(stepped), order)


def benjamini_hochberg(p_values: np.ndarray) -> np.ndarray:
    """Adjusted p-values (M,) under which the share of false ones among the findings does.

    Benjamini and Hochberg (1995), Controlling the false discovery rate.
    """
    order = np.argsort(p_values, kind="stable")
    stepped = len(order) / np.arange(1, len(order) + 1) * p_values[order]
    return _in_place(np.minimum.accumulate(stepped[::-1])[::-1], order)


def _in_place(ordered: np.ndarray, order: np.ndarray) -> np.ndarray:
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(ordered, 1.0)
    return adjusted
