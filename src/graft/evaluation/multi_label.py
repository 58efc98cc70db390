"""Metrics of a classifier that decides for each class whether an image shows it.

A class that is not counted in an image (-1) is left out of everything said about that class.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.classes import NOT_COUNTED
from graft.evaluation.bootstrap import RankedImages, over_resamples
from graft.evaluation.intervals import (
    Interval,
    json_number,
    mean_score_interval,
    proportion_interval,
    score_interval,
)
from graft.evaluation.probability_scores import quotient
from graft.evaluation.ranking import Ranking
from graft.evaluation.ranking_metrics import pooled_ranking
from graft.evaluation.resampling import ClassTotals

if TYPE_CHECKING:
    from graft.evaluation.predictions import Predictions
    from graft.evaluation.probability_scores import Statistic

_CLASS_CURVE_POINTS = 60  # there are many of these curves, and they are drawn small


def label_metrics(
    predictions: Predictions, *, resamples: int, confidence: float, seed: int
) -> dict[str, Any]:
    """What `graft.evaluation.metrics.classification_metrics` says of several labels."""
    names = predictions.class_names
    rankings = [_ranking(predictions, k) for k in range(len(names))]
    totals = ClassTotals.of_labels(predictions.labels, predictions.predicted)
    precisions = np.array([float(ranking.average_precision()) for ranking in rankings])
    baseline = float(mean_over_classes(prevalence(predictions.labels)))
    metrics: dict[str, Any] = {
        "threshold": predictions.threshold,
        "prevalence_baseline": json_number(baseline),
        "below_prevalence": bool(mean_over_classes(precisions) < baseline),
        "per_class": _per_class(predictions, rankings, totals, resamples, confidence, seed),
    }
    metrics |= pooled_ranking(
        predictions.labels, predictions.scores, None, resamples, confidence, seed
    )
    metrics["per_class_curves"] = {
        name: ranking.precision_recall_curve(_CLASS_CURVE_POINTS)
        for name, ranking in zip(names, rankings, strict=True)
        if ranking.positives.any()
    }
    return metrics


def overall_scores(
    predictions: Predictions, *, resamples: int, confidence: float, seed: int
) -> dict[str, Interval]:
    """The scores over all classes, see `graft.evaluation.metrics.overall_scores`."""
    images = len(predictions.ids)
    totals = ClassTotals.of_labels(predictions.labels, predictions.predicted)
    measured = statistics(predictions)
    once = np.ones((images, 1))
    value = {name: float(statistic(once)[0]) for name, statistic in measured.items()}
    drawn = over_resamples(
        lambda counts: np.stack([statistic(counts) for statistic in measured.values()]),
        images,
        resamples,
        seed,
    )
    samples = dict(zip(measured, drawn, strict=True))
    effective = totals.effective_images() if totals.support.any() else float(images)
    scores = {
        "mean_average_precision": mean_score_interval(
            value["mean_average_precision"],
            samples["mean_average_precision"],
            effective,
            confidence,
        ),
        "mean_average_precision_11_point": Interval(_eleven_point(predictions), np.nan, np.nan),
    }
    scores |= {
        name: score_interval(value[name], samples[name], trials, confidence)
        for name, trials in (
            ("macro_f1", effective),
            ("weighted_f1", effective),
            ("micro_f1", float(max(totals.support.sum(), 1))),
            ("label_accuracy", float(images)),
        )
    }
    scores["exact_match"] = proportion_interval(
        samples["exact_match"], int(predictions.correct.sum()), images, confidence
    )
    return scores


def statistics(predictions: Predictions) -> dict[str, Statistic]:
    """The scores over all classes as functions of how often each image counts.

    Each takes counts (N, R) and gives (R,); what images drawn with replacement score is a call
    away (see `bootstrap`), and so is the score itself, of ones.
    """
    labels, predicted, counted = predictions.labels, predictions.predicted, predictions.counted
    classes = range(len(predictions.class_names))
    ranked = [RankedImages.of(labels[:, k], predictions.scores[:, k]) for k in classes]
    totals = _resampled_totals(predictions)
    questions = counted.sum(axis=1)
    return {
        "mean_average_precision": lambda counts: mean_over_classes(
            np.stack([images.ranking(counts).average_precision() for images in ranked], axis=-1)
        ),
        "macro_f1": lambda counts: totals(counts).macro_f1(),
        "weighted_f1": lambda counts: totals(counts).weighted_f1(),
        "micro_f1": lambda counts: totals(counts).micro_f1(),
        "label_accuracy": quotient(((predicted == labels) & counted).sum(axis=1), questions),
        "exact_match": quotient(predictions.correct, np.ones(len(labels))),
    }


def prevalence(labels: np.ndarray) -> np.ndarray:
    """Share of the images (N, K) that show each class, (K,); NaN for a class that none shows."""
    support = (labels == 1).sum(axis=0)
    counted = (labels != NOT_COUNTED).sum(axis=0)
    return np.where(support > 0, support / np.maximum(counted, 1), np.nan)


def mean_over_classes(scores: np.ndarray) -> np.ndarray:
    """Mean of scores (..., K) over the classes that have one, (...); NaN if none has."""
    defined = ~np.isnan(scores)
    number = defined.sum(axis=-1)
    total = np.where(defined, scores, 0).sum(axis=-1)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _per_class(
    predictions: Predictions,
    rankings: Sequence[Ranking],
    totals: ClassTotals,
    resamples: int,
    confidence: float,
    seed: int,
) -> dict[str, dict[str, Any]]:
    labels, scores = predictions.labels, predictions.scores
    ranked = [RankedImages.of(labels[:, k], scores[:, k]) for k in range(len(rankings))]
    samples = over_resamples(
        lambda counts: np.stack([images.ranking(counts).average_precision() for images in ranked]),
        len(labels),
        resamples,
        seed,
    )
    recall, precision, f1 = totals.recall(), totals.precision(), totals.f1()
    rows = {}
    for k, (name, ranking) in enumerate(zip(predictions.class_names, rankings, strict=True)):
        pairs = float(min(ranking.positives.sum(), ranking.negatives.sum()))
        area = score_interval(float(ranking.average_precision()), samples[k], pairs, confidence)
        right, support, claimed = (
            int(number[k]) for number in (totals.right, totals.support, totals.predicted)
        )
        rows[name] = {
            "average_precision": json_number(area.value),
            "low": json_number(area.low),
            "high": json_number(area.high),
            "average_precision_11_point": json_number(
                float(ranking.interpolated_average_precision())
            ),
            "roc_auc": json_number(float(ranking.roc_auc())),
            "precision": float(precision[k]),
            "recall": json_number(recall[k]),
            "f1": float(f1[k]),
            "support": support,
            "counted": int(predictions.counted[:, k].sum()),
            "found": right,
            "missed": support - right,
            "false_alarms": claimed - right,
        }
    return rows


def _ranking(predictions: Predictions, k: int) -> Ranking:
    counted = predictions.counted[:, k]
    return Ranking.of(predictions.labels[counted, k], predictions.scores[counted, k])


def _eleven_point(predictions: Predictions) -> float:
    by_class = [
        _ranking(predictions, k).interpolated_average_precision()
        for k in range(len(predictions.class_names))
    ]
    return float(mean_over_classes(np.array(by_class)))


def _resampled_totals(predictions: Predictions) -> Callable[[np.ndarray], ClassTotals]:
    """Totals (R, K) as a function of how often each image counts (N, R)."""
    present = predictions.labels == 1
    claimed = (predictions.predicted == 1) & predictions.counted
    columns = {"right": present & claimed, "support": present, "predicted": claimed}
    columns = {name: shown.astype(np.float32) for name, shown in columns.items()}
    return lambda counts: ClassTotals(**{name: counts.T @ shown for name, shown in columns.items()})
