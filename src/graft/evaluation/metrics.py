"""The metrics of one classifier on the test images, with intervals, ready to be written as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graft.evaluation.intervals import (
    FEW,
    Interval,
    json_number,
    percentile_interval,
    proportion_interval,
    score_interval,
    wilson_interval,
)
from graft.evaluation.ranking import Ranking, resampled_ranking_scores
from graft.evaluation.resampling import ClassTotals, resampled_classes, resampled_totals

if TYPE_CHECKING:
    from graft.evaluation.predictions import Predictions


def classification_metrics(
    predictions: Predictions, *, resamples: int, confidence: float, seed: int
) -> dict[str, Any]:
    """Everything a report says about one classifier.

    Values equal scikit-learn's; `intervals` says what the intervals are.

    Args:
        predictions: N images, K classes.
        resamples: How many sets of N images the bootstrap draws.
        confidence: Coverage of the intervals, for example 0.95.
        seed: Of the bootstrap.

    Returns:
        A dictionary of JSON values, None for what is undefined:

        * method, test_images, class_names, predict_seconds, confidence, resamples;
        * accuracy, balanced_accuracy, macro_f1: each {"value", "low", "high"};
        * majority_class, majority_baseline (the accuracy of always answering with the commonest
          class of these images) and below_majority, true if the classifier does worse than that;
        * per_class: {class: {"accuracy", "low", "high", "precision", "f1", "support"}}, where
          accuracy is the share of the class's images that are right (recall);
        * confusion_matrix: K x K lists, rows the true classes: "counts", "rates" (shares of the
          row), and their "low" and "high";
        * roc_auc and average_precision as {"value", "low", "high"}, roc_curve {"fpr", "tpr"} and
          precision_recall_curve {"recall", "precision"} of at most 200 points. Of two classes the
          second is positive (positive_class), and both must occur, else these keys are missing.
          Of more classes, each against the rest is a question, and all of them are ranked in one
          pool (micro-average; positive_class is None).
    """
    names = predictions.class_names
    totals = ClassTotals.of(predictions.labels, predictions.predicted, len(names))
    confusion = _confusion_matrix(predictions, resamples, confidence, seed)
    metrics: dict[str, Any] = {
        "method": predictions.method,
        "test_images": len(predictions.ids),
    }
    overall = overall_scores(predictions, resamples=resamples, confidence=confidence, seed=seed)
    metrics |= {measure: interval.to_json() for measure, interval in overall.items()}
    metrics |= _against_majority(totals, names)
    metrics |= {
        "confidence": confidence,
        "resamples": resamples,
        "predict_seconds": json_number(predictions.seconds),
        "class_names": list(names),
    }
    metrics["per_class"] = _per_class(totals, confusion, names)
    metrics["confusion_matrix"] = {name: _jsonable(cells) for name, cells in confusion.items()}
    if len(names) > 2 or totals.support.all():
        metrics |= _ranking(predictions, resamples, confidence, seed)
    return metrics


def overall_scores(
    predictions: Predictions, *, resamples: int, confidence: float, seed: int
) -> dict[str, Interval]:
    """The scores "accuracy", "balanced_accuracy" and "macro_f1" over all classes.

    Arguments as of `classification_metrics`.
    """
    labels, predicted = predictions.labels, predictions.predicted
    classes = len(predictions.class_names)
    totals = ClassTotals.of(labels, predicted, classes)
    (drawn,) = resampled_totals(labels, predicted[None], classes, resamples, seed)
    effective = totals.effective_images()
    return {
        "accuracy": proportion_interval(
            drawn.accuracy(), int(totals.right.sum()), len(labels), confidence
        ),
        "balanced_accuracy": score_interval(
            float(totals.balanced_accuracy()), drawn.balanced_accuracy(), effective, confidence
        ),
        "macro_f1": score_interval(
            float(totals.macro_f1()), drawn.macro_f1(), effective, confidence
        ),
    }


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
        "f1": totals.f1(),
        "support": totals.support,
    }
    values = {measure: _jsonable(column) for measure, column in columns.items()}
    return {
        name: {measure: column[k] for measure, column in values.items()}
        for k, name in enumerate(class_names)
    }


def _ranking(
    predictions: Predictions, resamples: int, confidence: float, seed: int
) -> dict[str, Any]:
    classes = len(predictions.class_names)
    if classes == 2:
        labels, scores = predictions.labels, predictions.scores[:, 1]
    else:
        labels = (predictions.labels[:, None] == np.arange(classes)).astype(np.int64)
        # A class that a machine never saw scores -inf, which ranks last as it should.
        scores = predictions.scores
    ranking = Ranking.of(labels.ravel(), scores.ravel())
    areas, precisions = resampled_ranking_scores(labels, scores, resamples, seed)
    # So many disjoint pairs of a positive and a negative image are as many independent trials of
    # "the positive one scores higher"; all were won where the area is 1.
    pairs = float(min(ranking.positives.sum(), ranking.negatives.sum()))
    area = score_interval(float(ranking.roc_auc()), areas, pairs, confidence)
    precision = score_interval(float(ranking.average_precision()), precisions, pairs, confidence)
    return {
        "positive_class": predictions.class_names[1] if classes == 2 else None,
        "roc_auc": area.to_json(),
        "average_precision": precision.to_json(),
        "roc_curve": ranking.roc_curve(),
        "precision_recall_curve": ranking.precision_recall_curve(),
    }


def _jsonable(values: np.ndarray) -> list[Any]:
    """Nested lists of Python numbers, None for NaN, which JSON does not have."""
    numbers = values.astype(object)
    numbers[np.isnan(values)] = None
    nested: list[Any] = numbers.tolist()
    return nested
