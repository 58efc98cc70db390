"""Temperature scaling: finds the temperature, changes no decision, looks at no test image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.evaluation import Predictions
from graft.evaluation.calibration import (
    HIGHEST,
    LOWEST,
    calibration_metrics,
    fit_temperature,
    with_temperature,
)

SETTINGS: dict[str, Any] = {"resamples": 50, "confidence": 0.95, "seed": 0}
NAMES = tuple("abcde")


def over_confident(
    sharper: float, images: int = 4000, seed: int = 0, *, several: bool = False
) -> Predictions:
    """Labels follow calibrated probabilities; claimed are those of `sharper` times the logits."""
    rng = np.random.default_rng(seed)
    logits = torch.from_numpy(2 * rng.normal(size=(images, 5)))
    if several:
        labels = (rng.random((images, 5)) < logits.sigmoid().numpy()).astype(int)
        labels[rng.random(labels.shape) < 0.1] = -1
        scores, threshold = (sharper * logits).sigmoid(), 0.5
    else:
        below = logits.softmax(1).cumsum(1).numpy() < rng.random((images, 1))
        labels = below.sum(axis=1).clip(0, 4)
        scores, threshold = (sharper * logits).softmax(1), None
    return Predictions(
        "net", np.arange(images), labels, scores.numpy(), NAMES, 0.0, threshold=threshold
    )


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("sharper", [0.5, 1.0, 3.0])
def test_the_temperature_is_found(sharper: float, several: bool) -> None:
    found = fit_temperature(over_confident(sharper, several=several))
    assert found == pytest.approx(sharper, rel=0.08)


def test_no_other_temperature_has_a_lower_loss() -> None:
    given = over_confident(2.0, images=300)
    best = fit_temperature(given)

    def loss(temperature: float) -> float:
        scores = with_temperature(given, temperature).scores.astype(float)
        return float(-np.log(scores[np.arange(300), given.labels]).mean())

    assert all(loss(best) <= loss(best * factor) for factor in (0.5, 0.95, 1.05, 2.0))


@settings(deadline=None)
@given(st.floats(LOWEST, HIGHEST), st.booleans(), st.integers(0, 100))
def test_decisions_stay_what_they_were(temperature: float, several: bool, seed: int) -> None:
    before = over_confident(1.0, images=30, seed=seed, several=several)
    after = with_temperature(before, temperature)
    assert after.probabilistic
    # Neighbours that float32 no longer tells apart may swap at extreme temperatures.
    clear = np.sort(before.scores, axis=1)[:, -1] - np.sort(before.scores, axis=1)[:, -2] > 1e-4
    if several:
        clear = (np.abs(before.scores - 0.5) > 1e-4).all(axis=1)
    assert (after.predicted[clear] == before.predicted[clear]).all()


def test_temperature_1_changes_nothing() -> None:
    for several in (False, True):
        before = over_confident(1.5, images=200, several=several)
        assert with_temperature(before, 1.0).scores == pytest.approx(before.scores, abs=1e-6)


def test_all_right_has_no_temperature() -> None:
    """The loss would fall for ever: a small validation set would make a network infinitely sure."""
    labels = np.arange(20) % 5
    right = Predictions("net", np.arange(20), labels, np.eye(5)[labels], NAMES, 0.0)
    assert fit_temperature(right) == 1


def test_hopeless_probabilities_stay_within_the_bounds() -> None:
    labels = np.arange(20) % 5
    wrong = Predictions("net", np.arange(20), (labels + 1) % 5, np.eye(5)[labels], NAMES, 0.0)
    assert fit_temperature(wrong) == pytest.approx(HIGHEST, rel=0.01)


def test_decision_values_are_refused() -> None:
    machine = Predictions("SVM", [0, 1], [0, 1], [[2, -2], [1, -1]], ("a", "b"), 0.0)
    for use in (lambda: fit_temperature(machine), lambda: with_temperature(machine, 2.0)):
        with pytest.raises(ValueError, match="not probabilities"):
            use()


def test_calibration_on_validation_images_mends_the_test_images() -> None:
    validation, test = (over_confident(3.0, images=1500, seed=seed) for seed in (1, 2))
    found = calibration_metrics(validation, test, **SETTINGS)
    assert found["temperature"] == fit_temperature(validation)
    assert found["validation_images"] == 1500
    before, after = found["uncalibrated"], found["calibrated"]
    assert after["ece"]["high"] < before["ece"]["low"]
    assert after["log_loss"]["high"] < before["log_loss"]["low"]
    assert sum(after["reliability"]["count"]) == 1500


def test_test_images_do_not_choose_the_temperature() -> None:
    validation = over_confident(2.0, images=500, seed=1)
    temperatures = {
        calibration_metrics(validation, over_confident(s, images=50, seed=9), **SETTINGS)[
            "temperature"
        ]
        for s in (0.5, 4.0)
    }
    assert len(temperatures) == 1


def test_without_validation_images_nothing_changes() -> None:
    found = calibration_metrics(None, over_confident(3.0, images=100), **SETTINGS)
    assert (found["temperature"], found["validation_images"]) == (1.0, 0)
    error = found["uncalibrated"]["ece"]["value"]
    assert found["calibrated"]["ece"]["value"] == pytest.approx(error, abs=1e-6)
