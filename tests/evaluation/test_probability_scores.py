"""Log-loss, Brier score, calibration error: parity with scikit-learn, and honest intervals."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from graft.evaluation import Predictions, classification_metrics
from graft.evaluation.probability_scores import BINS, probability_metrics, probability_scores

SETTINGS: dict[str, Any] = {"resamples": 20, "confidence": 0.95, "seed": 0}


def of_one(labels: Any, scores: Any) -> Predictions:
    names = tuple(map(str, range(np.shape(scores)[1])))
    return Predictions("any", np.arange(len(labels)), labels, scores, names, 0.0)


def of_several(labels: Any, scores: Any) -> Predictions:
    names = tuple(map(str, range(np.shape(scores)[1])))
    return Predictions("any", np.arange(len(labels)), labels, scores, names, 0.0, threshold=0.5)


@st.composite
def degenerate_or_not(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities: random ones, certain ones, all wrong, all the same, one class."""
    classes, images = draw(st.integers(2, 6)), draw(st.integers(1, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = rng.integers(0, classes, images)
    if draw(st.booleans()):
        labels[:] = draw(st.integers(0, classes - 1))
    kind = draw(st.sampled_from(["random", "sharp", "right", "wrong", "constant"]))
    scores = {
        "random": rng.dirichlet(np.ones(classes), images),
        "sharp": rng.dirichlet(np.full(classes, 0.05), images),
        "right": np.eye(classes)[labels],
        "wrong": np.eye(classes)[(labels + 1) % classes],
        "constant": np.full((images, classes), 1 / classes),
    }[kind]
    return labels, scores.astype(np.float32)


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """As in section 2 of Guo et al. 2017, bin by bin."""
    total = 0.0
    ends = (np.arange(BINS + 1) / BINS).astype(np.float32)
    for low, high in pairwise(ends):
        inside = (confidence > low) & (confidence <= high)
        if low == 0:
            inside |= confidence == 0
        if inside.any():
            gap = abs(right[inside].mean() - confidence[inside].mean())
            total += inside.mean() * gap
    return total


@settings(deadline=None)
@given(degenerate_or_not())
def test_values_equal_those_of_scikit_learn(given: tuple[np.ndarray, np.ndarray]) -> None:
    labels, scores = given
    ours = probability_metrics(of_one(labels, scores), **SETTINGS)
    classes = range(scores.shape[1])
    expected = sklearn_metrics.log_loss(labels, scores, labels=classes)
    assert ours["log_loss"]["value"] == pytest.approx(expected, rel=1e-4, abs=1e-6)
    # Sums that float32 rounds to other numbers than 1 would make scikit-learn warn.
    exact = scores / scores.sum(axis=1, keepdims=True, dtype=np.float64)
    expected = sklearn_metrics.brier_score_loss(labels, exact, labels=classes)
    assert ours["brier"]["value"] == pytest.approx(expected, rel=1e-4, abs=1e-6)
    double = scores.astype(np.float64)
    expected = calibration_error(double.max(axis=1), double.argmax(axis=1) == labels)
    assert ours["ece"]["value"] == pytest.approx(expected, abs=1e-9)
    for measure in ("log_loss", "brier", "ece"):
        assert ours[measure]["low"] <= ours[measure]["value"] <= ours[measure]["high"]


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_of_several_labels_every_decision_that_counts_is_one(
    classes: int, images: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(-1, 2, (images, classes))
    scores = rng.random((images, classes)).astype(np.float32)
    ours = probability_metrics(of_several(labels, scores), **SETTINGS)
    counted = labels >= 0
    if not counted.any():
        assert ours["brier"]["value"] is ours["ece"]["value"] is None
        return
    truth, probability = labels[counted], scores[counted].astype(np.float64)
    assert ours["brier"]["value"] == pytest.approx(np.mean((truth - probability) ** 2))
    assert ours["ece"]["value"] == pytest.approx(calibration_error(probability, truth == 1))
    assert sum(ours["reliability"]["count"]) == counted.sum()


def test_the_reliability_diagram_holds_each_image_once() -> None:
    rng = np.random.default_rng(0)
    scores = rng.dirichlet([0.3, 0.3, 0.3], 500).astype(np.float32)
    labels = rng.integers(0, 3, 500)
    ours = probability_metrics(of_one(labels, scores), **SETTINGS)
    bins = ours["reliability"]
    assert {name: len(column) for name, column in bins.items()} == dict.fromkeys(bins, BINS)
    assert sum(bins["count"]) == 500
    assert bins["count"][:4] == [0] * 4  # the likeliest of three classes has at least a third
    assert bins["confidence"][:4] == bins["accuracy"][:4] == [None] * 4
    filled = [
        count * abs(accuracy - confidence)
        for confidence, accuracy, count in zip(*bins.values(), strict=True)
        if count
    ]
    assert ours["ece"]["value"] == pytest.approx(sum(filled) / 500)


def test_bins_end_with_their_upper_bound() -> None:
    scores = np.array([[1 / 15, 14 / 15], [0.0, 1.0], [0.4, 0.6]])
    bins = probability_metrics(of_one([0, 1, 1], scores), **SETTINGS)["reliability"]
    filled = {place: count for place, count in enumerate(bins["count"]) if count}
    assert filled == {8: 1, 13: 1, 14: 1}


def test_decision_values_are_no_probabilities() -> None:
    machine = of_one([0, 1], [[1.5, -1.5], [-0.2, 0.2]])
    assert probability_metrics(machine, **SETTINGS) == {}
    metrics = classification_metrics(machine, **SETTINGS)
    assert metrics["probabilistic"] is False
    assert not {"log_loss", "brier", "ece", "reliability"} & set(metrics)


def test_a_constant_loss_is_certain() -> None:
    coin = of_one([0, 1, 1], np.full((3, 2), 0.5))
    assert probability_scores(coin, **SETTINGS)["log_loss"] == pytest.approx([np.log(2)] * 3)


def softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def drawn(images: int, sharper: float, seed: int) -> Predictions:
    """Ten classes; labels follow the probabilities, which then are made so many times sharper."""
    rng = np.random.default_rng(seed)
    logits = 3 * rng.normal(size=(images, 10))
    labels = (rng.random((images, 1)) > softmax(logits).cumsum(axis=1)).sum(axis=1).clip(0, 9)
    return of_one(labels, softmax(sharper * logits))


@pytest.mark.parametrize("sharper", [1.0, 2.0])
def test_intervals_cover_the_truth(sharper: float) -> None:
    """Of 60 drawn test sets of 400 images; the truth from one of 100,000."""
    truth = probability_metrics(
        drawn(100_000, sharper, 12345), resamples=2, confidence=0.95, seed=0
    )
    if sharper == 1:
        truth["ece"]["value"] = 0.0
    found = [
        probability_scores(drawn(400, sharper, seed), resamples=200, confidence=0.95, seed=seed)
        for seed in range(60)
    ]
    for measure in ("log_loss", "brier", "ece"):
        value = truth[measure]["value"]
        covered = np.mean([row[measure].low <= value <= row[measure].high for row in found])
        assert covered >= 0.83, measure
    if sharper == 2:
        assert min(row["ece"].low for row in found) > 0  # over-confidence is told from chance
