"""Areas and curves of how a classifier ranks images."""

from __future__ import annotations

from typing import Any

import numpy as np

from graft.evaluation.bootstrap import resampled_ranking_scores
from graft.evaluation.intervals import score_interval
from graft.evaluation.ranking import Ranking


def pooled_ranking(
    labels: np.ndarray,
    scores: np.ndarray,
    positive_class: str | None,
    resamples: int,
    confidence: float,
    seed: int,
) -> dict[str, Any]:
    """ROC area, average precision and their curves, of all questions ranked in one pool.

    Args:
        labels: (N,), 1 for positive images, 0 for negative ones, -1 for those not counted; or
            (N, K) for K questions an image (micro-average).
        scores: Of the same shape. A class that a machine never saw scores -inf, which ranks last
            as it should.
        positive_class: What the question is about, None if about every class.
        resamples: How many sets of N images the bootstrap draws.
        confidence: Coverage of the intervals.
        seed: Of the bootstrap.

    Returns:
        positive_class; roc_auc and average_precision as {"value", "low", "high"}; roc_curve and
        precision_recall_curve. Empty without both positive and negative questions.
    """
    counted = labels >= 0
    ranking = Ranking.of(labels[counted], scores[counted])
    # So many disjoint pairs of a positive and a negative image are as many independent trials of
    # "the positive one scores higher"; all were won where the area is 1.
    pairs = float(min(ranking.positives.sum(), ranking.negatives.sum()))
    if not pairs:
        return {}
    areas, precisions = resampled_ranking_scores(labels, scores, resamples, seed)
    area = score_interval(float(ranking.roc_auc()), areas, pairs, confidence)
    precision = score_interval(float(ranking.average_precision()), precisions, pairs, confidence)
    return {
        "positive_class": positive_class,
        "roc_auc": area.to_json(),
        "average_precision": precision.to_json(),
        "roc_curve": ranking.roc_curve(),
        "precision_recall_curve": ranking.precision_recall_curve(),
    }
