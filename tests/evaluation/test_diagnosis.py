"""The rule of the diagnosis, at its boundaries."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.evaluation import Interval
from graft.evaluation.diagnosis import Diagnosis, diagnose, diagnose_history

NAN = float("nan")
SETTINGS: dict[str, Any] = {"images": 1000, "confidence": 0.95}
HELPED, DID_NOT = Interval(0.02, 0.01, 0.03), Interval(0.02, -0.01, 0.05)


@pytest.mark.parametrize(
    ("train", "validation", "gain", "verdict"),
    [
        (0.12, 0.11, None, "nothing learnt"),
        (0.55, 0.11, None, "nothing learnt"),  # nor are most of the training images
        (1.00, 0.11, None, "over-fitting"),  # they are: learnt by heart
        (0.99, 0.95, None, "good fit"),
        (0.95, 0.99, None, "good fit"),  # augmented training images are harder
        (0.99, 0.94, None, "over-fitting"),
        (0.70, 0.68, None, "under-fitting"),
        (0.70, 0.80, None, "under-fitting"),
        (0.75, 0.50, None, "under-fitting"),  # equal parts: bias comes first
        (0.76, 0.50, None, "over-fitting"),
        (0.76, 0.50, HELPED, "too few data"),
        (0.76, 0.50, DID_NOT, "over-fitting"),
        (0.70, 0.68, HELPED, "under-fitting"),
    ],
)
def test_the_first_rule_that_holds_decides(
    train: float, validation: float, gain: Interval | None, verdict: str
) -> None:
    found = diagnose(train, validation, 0.1, **SETTINGS, gain=gain)
    assert found.verdict == verdict
    assert f"{validation:.1%}" in found.sentence
    assert found.gap == pytest.approx(train - validation)


def test_a_gap_that_chance_makes_on_few_images_is_none() -> None:
    many, few = (diagnose(0.98, 0.92, 0.1, images=images, confidence=0.95) for images in (1000, 30))
    assert (many.verdict, few.verdict) == ("over-fitting", "under-fitting")


def test_the_baseline_has_to_be_surely_exceeded() -> None:
    many, few = (
        diagnose(0.55, 0.54, 0.5, images=images, confidence=0.95) for images in (10_000, 100)
    )
    assert (many.verdict, few.verdict) == ("under-fitting", "nothing learnt")


SHARES = st.floats(0, 1)


@given(SHARES, SHARES, SHARES, st.integers(1, 10_000))
def test_every_score_gets_a_verdict_and_a_better_fit_is_not_called_worse(
    train: float, validation: float, baseline: float, images: int
) -> None:
    found = diagnose(train, validation, baseline, images=images, confidence=0.95)
    json.dumps(found.to_json(), allow_nan=False)
    if found.verdict in ("over-fitting", "too few data"):
        assert train - validation > 1 - train
    if found.verdict == "good fit":
        assert validation >= 0.95 - 1e-9


def history(train: list[float], validation: list[float], loss: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "epoch": range(1, len(train) + 1),
            "train_accuracy": train,
            "validation_accuracy": validation,
            "validation_loss": loss,
        }
    )


def told(frame: pd.DataFrame, images: int = 1000) -> Diagnosis:
    return diagnose_history(frame, 0.1, images=images, confidence=0.95)


def test_a_training_is_judged_by_its_best_epoch() -> None:
    found = told(history([0.5, 0.8, 0.99], [0.5, 0.7, 0.6], [1.0, 0.8, 0.82]))
    assert (found.train, found.validation) == (0.8, 0.7)
    assert found.sentence.endswith("or less augmentation.")


def test_of_equal_epochs_the_lower_loss_is_the_best() -> None:
    found = told(history([0.7, 0.9], [0.8, 0.8], [0.5, 0.6]))
    assert found.train == 0.7


def test_a_loss_that_turns_and_a_training_that_still_improves_are_told() -> None:
    turned = told(history([0.5, 0.9, 1.0], [0.5, 0.6, 0.7], [1.0, 0.9, 1.2]))
    assert "lowest after epoch 2 and rose again" in turned.sentence
    improving = told(history([0.5, 0.6], [0.5, 0.6], [1.0, 0.9]))
    assert "The last epoch was the best one" in improving.sentence


def test_of_several_labels_the_ranking_chooses_the_epoch() -> None:
    frame = history([0.9, 0.95], [0.93, 0.92], [0.3, 0.3])
    frame["validation_mean_average_precision"] = [0.2, 0.6]
    assert told(frame).validation == 0.92


@pytest.mark.parametrize("images", [0, 50])
def test_without_validation_images_it_says_so(images: int) -> None:
    missing = history([0.5], [float("nan")], [float("nan")])
    found = told(missing if images else history([0.5], [0.5], [1.0]), images)
    assert (found.verdict, found.validation) == ("unknown", None)
    assert told(history([], [], []), 50).verdict == "unknown"


@pytest.mark.parametrize("scores", [(NAN, 0.5, 0.1), (0.9, NAN, 0.1), (0.9, 0.5, NAN)])
def test_scores_that_are_not_defined_are_not_judged(scores: tuple[float, float, float]) -> None:
    found = diagnose(*scores, **SETTINGS)
    assert found.verdict == "unknown"
    json.dumps(found.to_json(), allow_nan=False)


def test_an_epoch_without_a_loss_is_not_the_lowest() -> None:
    turned = told(history([0.5, 0.9, 0.9, 1.0], [0.5, 0.6, 0.6, 0.7], [NAN, 1.0, 0.9, 1.2]))
    assert "lowest after epoch 3 and rose again" in turned.sentence
