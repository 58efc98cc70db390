"""Metrics of a classifier that decides for one class an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graft.evaluation.intervals import (
    FEW,
    Interval,
    percentile_interval,
    proportion_interval,
    score_interval,
    wilson_interval,
)
from graft.evaluation.ranking_metrics import pooled_ranking
from graft.evaluation.resampling import ClassTotals, resampled_classes, resampled_totals

if TYPE_CHECKING:
    from graft.evaluation.predictions import Predictions

TOP = 5  # the classes of top5_accuracy


def class_metrics(
    predictions: Predictions, *, resamples: int, confidence: float, seed: int
) -> dict[str, Any]:
    """What `graft.evaluation.metrics.classification_metrics` says of single labels."""
    names = predictions.class_names
    totals = ClassTotals.of(predictions.labels, predictions.predicted, len(names))
    confusion = _confusion_matrix(predictions, resamples, confidence, seed)
    metrics = _against_majority(totals, names)
    metrics["per_class"] = _per_class(totals, confusion, names)
    metrics["confusion_matrix"] = {name: _jsonable(cells) for name, cells in confusion.items()}
    if len(names) == 2:
        labels, scores, positive_class = predictions.labels, predictions.scores[:, 1], names[1]
    else:
        labels = (predictions.labels[:, None] == np.arange(len(names))).astype(np.int64)
        scores, positive_class = predictions.scores, None
    return metrics | pooled_ranking(labels, scores, positive_class, resamples, confidence, seed)


def overall_scores(
    predictions: Predictions, *, resamples: int, confidence: float, seed: int
) -> dict[str, Interval]:
    """The scores over all classes, see `graft.evaluation.metrics.overall_scores`."""
    labels, predicted = predictions.labels, predictions.predicted
    classes = len(predictions.class_names)
    totals = ClassTotals.of(labels, predicted, classes)
    (drawn,) = resampled_totals(labels, predicted[None], classes, resamples, seed)
    effective = totals.effective_images()
    scores = {
        "accuracy": proportion_interval(
            drawn.accuracy(), int(totals.right.sum()), len(labels), confidence
        ),
        "balanced_accuracy": score_interval(
            float(totals.balanced_accuracy()), drawn.balanced_accuracy(), effective, confidence
        ),
        "macro_f1": score_interval(
            float(totals.macro_f1()), drawn.macro_f1(), effective, confidence
        ),
        "weighted_f1": score_interval(
            float(totals.weighted_f1()), drawn.weighted_f1(), float(len(labels)), confidence
        ),
    }
    if classes > TOP:
        right = int(_among_the_highest(predictions.scores, labels).sum())
        drawn_right = np.random.default_rng(seed).binomial(
            len(labels), right / len(labels), resamples
        )
        scores["top5_accuracy"] = proportion_interval(
            drawn_right / len(labels), right, len(labels), confidence
        )
    return scores


def _among_the_highest(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Whether the true class is among the five with the highest scores, bool (N,).

    Of equal scores the first class comes first, as in the decision for one class.
    """
    true = scores[np.arange(len(labels)), labels][:, None]
    before = np.arange(scores.shape[1]) < labels[:, None]
    ahead = (scores > true) | ((scores == true) & before)
    return np.asarray(ahead.sum(axis=1) < TOP)


def _against_majority(totals: ClassTotals, class_names: tuple[str, ...]) -> dict[str, Any]:
    baseline = float(totals.support.max() / totals.support.sum())
    return {
        "majority_class": class_names[int(totals.support.argmax())],
        "majority_baseline": baseline,
        "below_majority": bool(totals.accuracy() < baseline),
    }


def _confusion_matrix(
    predictions: Predictions, resamples: int, confidence: float, seed: int
) -> dict[str, np.ndarray]:
    """Counts, rates and their intervals, (K, K) each; rates are NaN in rows without images."""
    labels, predicted = predictions.labels, predictions.predicted
    classes = len(predictions.class_names)
    counts = np.bincount(labels * classes + predicted, minlength=classes**2)
    counts = counts.reshape(classes, classes)
    support = counts.sum(axis=1, keepdims=True)
    low, high = wilson_interval(counts, support, confidence)
    # The cells with enough images on both sides get the bootstrap (see `intervals`).
    enough = np.minimum(counts, support - counts) >= FEW
    draws_by_class = resampled_classes(labels, predicted[None], classes, resamples, seed)
    for k, (columns, *_), draws in draws_by_class:
        drawn = enough[k, columns]
        rates = draws[:, drawn] / np.maximum(draws.sum(axis=1, keepdims=True), 1)
        low[k, columns[drawn]], high[k, columns[drawn]] = percentile_interval(rates, confidence)
    rates = counts / np.where(support > 0, support, np.nan)
    return {"counts": counts, "rates": rates, "low": low, "high": high}


def _per_class(
    totals: ClassTotals, confusion: dict[str, np.ndarray], class_names: tuple[str, ...]
) -> dict[str, dict[str, Any]]:
    columns = {
        "accuracy": totals.recall(),
        "low": confusion["low"].diagonal(),
        "high": confusion["high"].diagonal(),
        "precision": totals.precision(),
        "recall": totals.recall(),
        "f1": totals.f1(),
        "support": totals.support,
    }
    values = {measure: _jsonable(column) for measure, column in columns.items()}
    return {
        name: {measure: column[k] for measure, column in values.items()}
        for k, name in enumerate(class_names)
    }


def _jsonable(values: np.ndarray) -> list[Any]:
    """Nested lists of Python numbers, None for NaN, which JSON does not have."""
    numbers = values.astype(object)
    numbers[np.isnan(values)] = None
    nested: list[Any] = numbers.tolist()
    return nested
