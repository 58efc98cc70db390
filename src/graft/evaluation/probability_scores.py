"""Scores of probabilities: log-loss, Brier score, expected calibration error, reliability.

Log-loss and Brier score are means over images and have percentile intervals. The calibration error
(Naeini et al. 2015; Guo et al. 2017, section 2) is a sum of absolute differences, which chance only
adds to: that of a calibrated classifier is 0, and measured on 1,000 images 0.03. Its interval is
the basic bootstrap's, and reaches down to 0 where the measured error is one that a calibrated
classifier might show. Coverage of nominal 95 % intervals, ten classes (300, 200, 60 test sets):

    test images                           200     1000    5000
    log-loss                              0.93    0.96    0.97
    Brier score                           0.95    0.97    0.95
    true calibration error 0.07           0.89    0.91    0.92
      percentile instead                  0.39    0.89    0.94
    true calibration error 0.03           0.87    0.89    0.87
      percentile instead (error 0.02)     0.01    0.07    0.76
    true calibration error 0              0.93    0.94    0.95
      percentile instead                  0.00    0.00    0.00
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from graft.evaluation.bootstrap import over_resamples
from graft.evaluation.intervals import Interval, loss_interval, mean_score_interval

if TYPE_CHECKING:
    from graft.evaluation.predictions import Predictions

    # From how often each image counts (N, R) to a score for each of R resamples.
    Statistic: TypeAlias = Callable[[np.ndarray], np.ndarray]

BINS = 15  # of equal width, as in Guo et al.
_INNER_ENDS = (np.arange(1, BINS) / BINS).astype(np.float32)


def probability_metrics(
    predictions: Predictions, *, resamples: int, confidence: float, seed: int
) -> dict[str, Any]:
    """What `graft.evaluation.metrics.classification_metrics` says of probabilities.

    Empty where the scores are none, as the decision values of a support vector machine.
    """
    if not predictions.probabilistic:
        return {}
    scores = probability_scores(predictions, resamples=resamples, confidence=confidence, seed=seed)
    bins = Bins.of(predictions)
    return {name: interval.to_json() for name, interval in scores.items()} | {
        "reliability": bins.reliability()
    }


def probability_scores(
    predictions: Predictions, *, resamples: int, confidence: float, seed: int
) -> dict[str, Interval]:
    """log_loss, brier and ece with their intervals; the scores have to be probabilities.

    Arguments as of `classification_metrics`.
    """
    measured, bins = mean_losses(predictions), Bins.of(predictions)
    measured["ece"] = bins.error
    images = len(predictions.ids)
    once = np.ones((images, 1))
    value = {name: float(statistic(once)[0]) for name, statistic in measured.items()}
    drawn = over_resamples(
        lambda counts: np.stack([statistic(counts) for statistic in measured.values()]),
        images,
        resamples,
        seed,
    )
    samples = dict(zip(measured, drawn, strict=True))
    found = {
        name: loss_interval(value[name], samples[name], confidence)
        for name in ("log_loss", "brier")
    }
    error = mean_score_interval(value["ece"], samples["ece"], float(images), confidence)
    by_chance = bins.errors_if_calibrated(resamples, seed)
    if error.value <= np.quantile(by_chance, confidence):
        error = Interval(error.value, 0.0, error.high)
    return found | {"ece": error}


def mean_losses(predictions: Predictions) -> dict[str, Statistic]:
    """log_loss and brier as functions of how often each image counts; see `bootstrap`.

    None where the scores are not probabilities.
    """
    if not predictions.probabilistic:
        return {}
    if predictions.multi_label:
        questions = predictions.counted.sum(axis=1)
    else:
        questions = np.ones(len(predictions.ids))
    return {
        "log_loss": quotient(_log_losses(predictions), questions),
        "brier": quotient(_squared_errors(predictions), questions),
    }


@dataclass(frozen=True, eq=False)
class Bins:
    """Decisions by how sure they are: sums over the decisions of each image in each bin.

    A bin holds confidences above its lower end, up to its upper one.

    Attributes:
        count: (N, 15), decisions.
        confidence: (N, 15), sums of confidences.
        right: (N, 15), how many were right.
        variance: (15,), what that number would vary by if the confidences were true.
    """

    count: np.ndarray
    confidence: np.ndarray
    right: np.ndarray
    variance: np.ndarray

    @classmethod
    def of(cls, predictions: Predictions) -> Bins:
        """Of single labels the likeliest class and whether it is right; of several every class.

        Of several labels the confidence is the probability that the image shows the class, and
        "right" is that it does.
        """
        scores = predictions.scores.astype(np.float64)
        if predictions.multi_label:
            image, label = np.nonzero(predictions.counted)
            confidence = scores[image, label]
            right = predictions.labels[image, label] == 1
        else:
            image = np.arange(len(scores))
            confidence = scores.max(axis=1).clip(0, 1)
            # Not `predicted`: a probability is judged for the class that it was given to.
            right = scores.argmax(axis=1) == predictions.labels
        # In the precision of the scores: 0.6 in float32 is above 0.6 in float64.
        place = np.searchsorted(_INNER_ENDS, confidence.astype(np.float32))
        shape = (len(scores), BINS)

        def sums(weights: np.ndarray) -> np.ndarray:
            cells = image * BINS + place
            return np.bincount(cells, weights, minlength=shape[0] * BINS).reshape(shape)

        return cls(
            count=sums(np.ones(len(confidence))),
            confidence=sums(confidence),
            right=sums(right.astype(np.float64)),
            variance=np.bincount(place, confidence * (1 - confidence), minlength=BINS),
        )

    def error(self, counts: np.ndarray) -> np.ndarray:
        """The expected calibration error (R,) of images that count so often (N, R).

        Mean over the decisions of |share that is right - mean confidence| of their bin.
        """
        gaps = np.abs(counts.T @ (self.right - self.confidence)).sum(axis=1)
        decisions = counts.T @ self.count.sum(axis=1)
        return np.where(decisions > 0, gaps / np.maximum(decisions, 1), np.nan)

    def errors_if_calibrated(self, draws: int, seed: int) -> np.ndarray:
        """Errors (draws,) that chance would give if all confidences were true."""
        rng = np.random.default_rng(seed)
        gaps = rng.normal(scale=np.sqrt(self.variance), size=(draws, BINS))
        return np.asarray(np.abs(gaps).sum(axis=1) / max(self.count.sum(), 1))

    def reliability(self) -> dict[str, list[Any]]:
        """The diagram: mean confidence, share right and count of each bin; None where it is empty.

        {"confidence": [15], "accuracy": [15], "count": [15]}.
        """
        count = self.count.sum(axis=0)
        confidence, right = self.confidence.sum(axis=0), self.right.sum(axis=0)
        return {
            "confidence": [
                float(s / n) if n else None for s, n in zip(confidence, count, strict=True)
            ],
            "accuracy": [float(s / n) if n else None for s, n in zip(right, count, strict=True)],
            "count": count.astype(int).tolist(),
        }


def quotient(numerator: np.ndarray, denominator: np.ndarray) -> Statistic:
    """The sum of one number an image (N,) over that of another."""

    def of_counts(counts: np.ndarray) -> np.ndarray:
        of_all = np.asarray(denominator @ counts)
        return np.where(of_all > 0, (numerator @ counts) / np.maximum(of_all, 1), np.nan)

    return of_counts


def _log_losses(predictions: Predictions) -> np.ndarray:
    """Of each image (N,); of several labels the sum over its classes that count.

    A probability that float32 rounds to 0 or 1 counts as that far away from it, as scikit-learn's
    log loss has it: the largest loss is 15.9.
    """
    nearest = float(np.finfo(np.float32).eps)
    probability = predictions.scores.astype(np.float64).clip(nearest, 1 - nearest)
    labels = predictions.labels
    if not predictions.multi_label:
        return np.asarray(-np.log(probability[np.arange(len(labels)), labels]))
    of_the_truth = np.where(labels == 1, probability, 1 - probability)
    return np.asarray(np.where(predictions.counted, -np.log(of_the_truth), 0.0).sum(axis=1))


def _squared_errors(predictions: Predictions) -> np.ndarray:
    """Of each image (N,), summed over classes; of two single labels, which err alike, over one."""
    scores, labels = predictions.scores.astype(np.float64), predictions.labels
    if predictions.multi_label:
        squares = np.where(predictions.counted, (scores - labels) ** 2, 0.0)
        return np.asarray(squares.sum(axis=1))
    squares = (scores - np.eye(scores.shape[1])[labels]) ** 2
    return np.asarray(squares.sum(axis=1) / (2 if scores.shape[1] == 2 else 1))
