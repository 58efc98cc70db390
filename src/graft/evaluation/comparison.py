"""Classifiers side by side on the same test images, and whether their difference is real.

Two methods that see the same images err on the same hard ones, so their difference is far surer
than two separate intervals suggest. Everything here is paired: the same resamples for both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.evaluation.baselines import BASELINES, baseline_predictions
from graft.evaluation.bootstrap import over_resamples
from graft.evaluation.intervals import Interval, percentile_interval, wilson_interval
from graft.evaluation.metrics import overall_scores
from graft.evaluation.multi_label import statistics
from graft.evaluation.probability_scores import mean_losses
from graft.evaluation.resampling import ClassTotals, resampled_totals

if TYPE_CHECKING:
    import pandas as pd

    from graft.evaluation.predictions import Predictions

DETAILS = (
    "train_seconds",
    "predict_seconds",
    "images_per_second",
    "parameters",
    "trainable_parameters",
    "multiply_accumulates",
    "epochs",
)
ACCURACY, MEAN_AVERAGE_PRECISION = "accuracy", "mean_average_precision"
EXACT_MATCH = "exact_match"  # of several labels: what accuracy is of one
LOSSES = ("log_loss", "brier")  # the lower the better
_SINGLE_LABEL: dict[str, Callable[[ClassTotals], np.ndarray]] = {
    "accuracy": ClassTotals.accuracy,
    "balanced_accuracy": ClassTotals.balanced_accuracy,
    "macro_f1": ClassTotals.macro_f1,
    "weighted_f1": ClassTotals.weighted_f1,
}


def comparison_table(
    predictions: Sequence[Predictions],
    details: Mapping[str, Mapping[str, Any]],
    *,
    resamples: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """One row per method in the given order, and last the baseline that knows no image.

    Args:
        predictions: The methods, at least one, all on the same images; the first is the one that
            the others are compared with.
        details: For some or all methods, what is known beyond the predictions; keys of `DETAILS`.
        resamples: How many sets of images the bootstrap draws.
        confidence: Coverage of the intervals.
        seed: Of the bootstrap.

    Returns:
        Columns method, test_images; accuracy (multi-label: mean_average_precision) and macro_f1,
        each followed by _low and _high; difference (in the former, to the first row, paired, with
        _low and _high) and mcnemar_p, NaN in the first row; and the details. `predict_seconds`
        defaults to the predictions' own time, and `images_per_second` follows from it.
        `multiply_accumulates` are those of one image. McNemar's test is about right and wrong
        answers, so there is no mcnemar_p beside a mean average precision.

    Raises:
        ValueError: No predictions, a method twice, details of an unknown method or with an
            unknown key, or methods that saw different images.
    """
    import pandas as pd

    _check_table(predictions, details)
    first = predictions[0]
    measure = MEAN_AVERAGE_PRECISION if first.multi_label else ACCURACY
    compared = ["difference", "difference_low", "difference_high"]
    if not first.multi_label:
        compared.append("mcnemar_p")
    rows = []
    for shown in (*predictions, baseline_predictions(first)):
        row: dict[str, Any] = {"method": shown.method, "test_images": len(shown.ids)}
        overall = overall_scores(shown, resamples=resamples, confidence=confidence, seed=seed)
        row |= _columns(measure, overall[measure])
        row |= _columns("macro_f1", overall["macro_f1"])
        if shown is first:
            row |= dict.fromkeys(compared)
        else:
            difference = paired_difference(
                shown, first, resamples=resamples, confidence=confidence, seed=seed
            )
            row |= _columns("difference", difference)
            if "mcnemar_p" in compared:
                row["mcnemar_p"] = mcnemar_exact(shown, first)
        known = {"predict_seconds": shown.seconds} | dict(details.get(shown.method, {}))
        known["images_per_second"] = len(shown.ids) / (known["predict_seconds"] or np.nan)
        rows.append(row | {key: known.get(key) for key in DETAILS})
    table = pd.DataFrame(rows)
    numbers = table.columns.drop("method")
    whole = ("parameters", "trainable_parameters", "multiply_accumulates", "epochs")
    return table.astype(dict.fromkeys(numbers, float)).astype(
        {"test_images": "int64", **dict.fromkeys(whole, "Int64")}
    )


def paired_difference(
    a: Predictions,
    b: Predictions,
    *,
    resamples: int,
    confidence: float,
    seed: int,
    measure: str | None = None,
) -> Interval:
    """How much better `a` is than `b` on the same images: a's measure minus b's.

    Bootstrap over images; each resample holds the same images for both. Percentile interval, or
    for the mean average precision the basic one (see `intervals`). Where the two agree on every
    image, so that every resample says 0, the interval is the score interval of paired proportions,
    ± z² / (N + z²) (Tango 1998); of losses, which are no proportions, it has no width.

    Args:
        a: Predictions for N images.
        b: Predictions for the same images in the same order.
        resamples: How many sets of N images are drawn.
        confidence: Coverage.
        seed: Of the bootstrap.
        measure: One of `measures`, by default the first of them.

    Raises:
        ValueError: Different images, labels or classes; an unknown measure.
    """
    value, samples = paired_samples(a, b, resamples=resamples, seed=seed, measure=measure)
    low, high = map(float, percentile_interval(samples, confidence))
    if high - low < 1e-9 and measure not in LOSSES:  # every resample says the same
        _, room = wilson_interval(0, len(a.ids), confidence)
        low, high = max(value - float(room), -1.0), min(value + float(room), 1.0)
    return Interval(value, min(low, value), max(high, value))


def paired_samples(
    a: Predictions, b: Predictions, *, resamples: int, seed: int, measure: str | None = None
) -> tuple[float, np.ndarray]:
    """a's measure minus b's, and the same on R resamples of the images, (R,).

    The resamples of a mean average precision are mirrored at the value, which makes percentiles of
    them the ends of its basic interval. Arguments and errors as of `paired_difference`.
    """
    check_same_images(a, b)
    known = [name for name in measures(a) if name in measures(b)]
    measure = measure or known[0]
    if measure not in known:
        raise ValueError(f"unknown measure {measure!r}; there are {', '.join(known)}")
    if measure in _SINGLE_LABEL and not a.multi_label:
        return _class_differences(a, b, measure, resamples, seed)
    of_a, of_b = (mean_losses(p) | (statistics(p) if p.multi_label else {}) for p in (a, b))

    def difference(counts: np.ndarray) -> np.ndarray:
        return of_a[measure](counts) - of_b[measure](counts)

    images = len(a.ids)
    value = float(difference(np.ones((images, 1)))[0])
    samples = over_resamples(difference, images, resamples, seed)
    return value, 2 * value - samples if measure == MEAN_AVERAGE_PRECISION else samples


def measures(predictions: Predictions) -> tuple[str, ...]:
    """What predictions can be compared in: accuracy or mean average precision first.

    Of single labels accuracy, balanced_accuracy, macro_f1 and weighted_f1; of several any of
    `overall_scores` but the 11-point one; where the scores are probabilities log_loss and brier.
    """
    names = statistics(predictions) if predictions.multi_label else _SINGLE_LABEL
    return (*names, *mean_losses(predictions))


def _class_differences(
    a: Predictions, b: Predictions, measure: str, resamples: int, seed: int
) -> tuple[float, np.ndarray]:
    """The difference of single-label predictions, and that of R resamples."""
    score, classes = _SINGLE_LABEL[measure], len(a.class_names)
    value = float(
        score(ClassTotals.of(a.labels, a.predicted, classes))
        - score(ClassTotals.of(b.labels, b.predicted, classes))
    )
    both = np.stack([a.predicted, b.predicted])
    of_a, of_b = resampled_totals(a.labels, both, classes, resamples, seed)
    return value, score(of_a) - score(of_b)


def mcnemar_exact(a: Predictions, b: Predictions) -> float:
    """p-value of the exact McNemar test that `a` and `b` are right equally often.

    Multi-label predictions are right where they are in every class (exact match).

    Binomial test on the images that only one of the two has right (McNemar 1947; Dietterich 1998
    recommends it for classifiers that are trained once); 1 if there are none.

    Raises:
        ValueError: Different images, labels or classes.
    """
    from scipy.stats import binomtest

    check_same_images(a, b)
    only_a = int((a.correct & ~b.correct).sum())
    only_b = int((b.correct & ~a.correct).sum())
    if only_a + only_b == 0:
        return 1.0
    return float(binomtest(only_a, only_a + only_b).pvalue)


def paired_seeds_interval(differences: Sequence[float], confidence: float = 0.95) -> Interval:
    """Mean difference of two methods over training seeds, with Student's t interval.

    Args:
        differences: For each seed, one method's score minus the other's; both trained with it.
        confidence: Coverage, under roughly normal differences.

    Raises:
        ValueError: Fewer than two seeds: the spread between seeds is then unknown.
    """
    from scipy.stats import t

    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"paired seeds need at least 2 differences, got {values.size}")
    mean = float(values.mean())
    error = float(values.std(ddof=1)) / len(values) ** 0.5
    half = float(t.ppf((1 + confidence) / 2, df=len(values) - 1)) * error
    return Interval(mean, mean - half, mean + half)


def _columns(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _check_table(
    predictions: Sequence[Predictions], details: Mapping[str, Mapping[str, Any]]
) -> None:
    methods = [shown.method for shown in predictions]
    if not methods:
        raise ValueError("a comparison needs the predictions of at least one method")
    if len({*methods, *BASELINES}) < len(methods) + len(BASELINES):
        raise ValueError(
            f"method names must differ from each other and from {' and '.join(BASELINES)}"
        )
    for method, known in details.items():
        if method not in methods:
            raise ValueError(f"details of {method!r}, but the methods are {', '.join(methods)}")
        if unknown := set(known) - set(DETAILS):
            raise ValueError(f"details of {method!r} hold {unknown}; known: {', '.join(DETAILS)}")
    for other in predictions[1:]:
        check_same_images(predictions[0], other)


def check_same_images(a: Predictions, b: Predictions) -> None:
    which = f"{a.method!r} and {b.method!r} cannot be compared"
    if a.class_names != b.class_names:
        raise ValueError(f"{which}: classes {a.class_names} against {b.class_names}")
    if not np.array_equal(a.ids, b.ids):
        shared = len(np.intersect1d(a.ids, b.ids))
        raise ValueError(
            f"{which}: they predict other images, or the same in another order "
            f"({len(a.ids)} and {len(b.ids)} images, {shared} in common)"
        )
    if not np.array_equal(a.labels, b.labels):
        raise ValueError(f"{which}: the same images have different labels")
