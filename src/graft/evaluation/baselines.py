"""What a classifier that looks at no image scores; whatever does worse has learnt nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from graft.classes import NOT_COUNTED
from graft.evaluation.multi_label import prevalence

if TYPE_CHECKING:
    from graft.evaluation.predictions import Predictions

# The method names of the baselines' rows.
MAJORITY = "majority class"
PREVALENCE = "class prevalence"
BASELINES = (MAJORITY, PREVALENCE)


def baseline_predictions(predictions: Predictions) -> Predictions:
    """The same answer to every image, the best one for these images.

    Single-label: the commonest class. Multi-label: the prevalences of the classes as their
    probabilities, which claims the classes that most images show. Its mean average precision is
    the mean prevalence, which is also what random rankings of many images come to.
    """
    if predictions.multi_label:
        shares = np.nan_to_num(prevalence(predictions.labels))
        scores = np.broadcast_to(shares, predictions.scores.shape)
        method, threshold = PREVALENCE, 0.5
    else:
        support = np.bincount(predictions.labels, minlength=len(predictions.class_names))
        scores = np.zeros_like(predictions.scores)
        scores[:, support.argmax()] = 1.0
        method, threshold = MAJORITY, None
    return replace(
        predictions,
        method=method,
        scores=scores,
        decisions=None,
        threshold=threshold,
        seconds=float("nan"),
    )


def majority_share(labels: np.ndarray) -> float:
    """The accuracy of the same answer to every image, the best one for these.

    Args:
        labels: int64 (N,), classes; or int8 (N, K), 1 present, 0 absent, -1 not counted, where the
            answer is made for each class and the accuracy is that of all decisions.

    Returns:
        A share; NaN without any label.
    """
    if labels.ndim == 1:
        return float(np.bincount(labels).max() / len(labels)) if len(labels) else float("nan")
    counted, present = (labels != NOT_COUNTED).sum(axis=0), (labels == 1).sum(axis=0)
    right = np.maximum(present, counted - present).sum()
    return float(right / counted.sum()) if counted.any() else float("nan")
