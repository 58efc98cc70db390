"""Whether probabilities mean what they say, and the one number that mends those that do not.

A classifier is calibrated if of the images that it is 80 % sure about, 80 % are right. Networks are
often surer than that (Guo et al. 2017, On Calibration of Modern Neural Networks).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.evaluation.probability_scores import probability_metrics

if TYPE_CHECKING:
    from graft.evaluation.predictions import Predictions

# Temperatures that are looked at; the best one of a network that has learnt something lies between.
LOWEST, HIGHEST = 0.05, 20.0


def fit_temperature(validation: Predictions) -> float:
    """The temperature that makes the probabilities of these images likeliest (Guo et al. 2017).

    Logits divided by it before softmax (sigmoid) give the lowest log-loss; above 1 it takes
    certainty away. One number for all classes: which class is the likeliest does not change.

    Args:
        validation: Probabilities for validation images, never for test images.

    Returns:
        A number from `LOWEST` to `HIGHEST`; 1 where all decisions are right, for then the loss
        falls for ever as the temperature does, and so few images say nothing about errors.

    Raises:
        ValueError: The scores are not probabilities.
    """
    from scipy.optimize import minimize_scalar

    if not validation.probabilistic:
        raise ValueError(f"the scores of {validation.method!r} are not probabilities")
    if validation.correct.all():
        return 1.0
    labels, logits = validation.labels, _logits(validation)
    # Convex in the temperature's inverse, hence with one minimum in its logarithm.
    found = minimize_scalar(
        lambda exponent: _mean_loss(labels, logits / np.exp(exponent)),
        bounds=(np.log(LOWEST), np.log(HIGHEST)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(found.x))


def with_temperature(predictions: Predictions, temperature: float) -> Predictions:
    """The same decisions with probabilities at another temperature.

    Raises:
        ValueError: The scores are not probabilities.
    """
    if not predictions.probabilistic:
        raise ValueError(f"the scores of {predictions.method!r} are not probabilities")
    log_odds = _log_probabilities(predictions.labels, _logits(predictions) / temperature)
    return replace(predictions, scores=np.exp(log_odds))


def calibration_metrics(
    validation: Predictions | None,
    test: Predictions,
    *,
    resamples: int,
    confidence: float,
    seed: int,
) -> dict[str, Any]:
    """Fit a temperature on validation images; say what it changes on the test images.

    Args:
        validation: Predictions for the validation images, or None where there are none.
        test: Predictions of the same classifier for the test images; nothing is fitted on them.
        resamples: How many sets of images the bootstrap draws.
        confidence: Coverage of the intervals.
        seed: Of the bootstrap.

    Returns:
        A dictionary of JSON values: method; temperature (1 without validation images);
        validation_images; "uncalibrated" and "calibrated", each what `probability_metrics` says of
        the test images.
    """
    temperature = fit_temperature(validation) if validation else 1.0
    settings: dict[str, Any] = {"resamples": resamples, "confidence": confidence, "seed": seed}
    return {
        "method": test.method,
        "temperature": temperature,
        "validation_images": len(validation.ids) if validation else 0,
        "uncalibrated": probability_metrics(test, **settings),
        "calibrated": probability_metrics(with_temperature(test, temperature), **settings),
    }


def _logits(predictions: Predictions) -> np.ndarray:
    """Logits (N, K) that give these probabilities; those of a softmax up to a constant each."""
    tiny = float(np.finfo(np.float32).tiny)
    probability = predictions.scores.astype(np.float64)
    if not predictions.multi_label:
        return np.asarray(np.log(probability.clip(tiny)))
    nearest = float(np.finfo(np.float32).epsneg)  # from 1, as far as float32 can tell
    return np.asarray(np.log(probability.clip(tiny)) - np.log((1 - probability).clip(nearest)))


def _log_probabilities(labels: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Log-softmax of logits (N, K), or of several labels their log-sigmoid."""
    from scipy.special import log_expit, log_softmax

    return np.asarray(log_expit(logits) if labels.ndim == 2 else log_softmax(logits, axis=1))


def _mean_loss(labels: np.ndarray, logits: np.ndarray) -> float:
    """Cross-entropy; of several labels the binary one of the decisions that count."""
    if labels.ndim == 2:
        signed = np.where(labels == 1, logits, -logits)[labels >= 0]
        return float(-_log_probabilities(labels, signed).mean())
    return float(-_log_probabilities(labels, logits)[np.arange(len(labels)), labels].mean())
