"""A report's conclusions: they hold, do not hold, or cannot be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from graft.evaluation import Predictions
from graft.evaluation.claims import CANNOT_BE_TOLD, DOES_NOT_HOLD, HOLDS, Claim, judge_claim
from graft.evaluation.leaderboard import Result

SETTINGS: dict[str, Any] = {"resamples": 300, "confidence": 0.95, "seed": 0}
LABELS = np.arange(600) % 3


def result(name: str, wrong: int, seed: int = 0, method: str = "fine-tuned") -> Result:
    """Right but on the first `wrong` images."""
    answers = np.where(np.arange(600) < wrong, (LABELS + 1) % 3, LABELS)
    scores = 0.9 * np.eye(3)[answers] + 0.03
    predictions = Predictions(method, np.arange(600), LABELS, scores, tuple("abc"), 0.1)
    return Result(name, seed, f"run of {name}, {seed}", "data", predictions)


def judged(results: Mapping[str, Sequence[Result]], best: str, **claimed: Any) -> tuple[str, str]:
    claim = Claim("It is the best", best, tuple(results), **claimed)
    told = judge_claim(claim, results, **SETTINGS)
    assert told.claim is claim
    return told.verdict, told.why


@pytest.mark.parametrize(
    ("wrong", "verdict"),
    [
        ({"a": 20, "b": 80, "c": 90}, HOLDS),
        ({"a": 80, "b": 20, "c": 90}, DOES_NOT_HOLD),
        ({"a": 20, "b": 22, "c": 90}, CANNOT_BE_TOLD),
        ({"a": 22, "b": 20, "c": 90}, CANNOT_BE_TOLD),  # b is ahead, but by chance
        ({"a": 20, "b": 20}, CANNOT_BE_TOLD),
    ],
)
def test_claims_are_tested_pair_by_pair(wrong: dict[str, int], verdict: str) -> None:
    results = {name: [result(name, number)] for name, number in wrong.items()}
    assert judged(results, "a")[0] == verdict


def test_the_reason_names_who_is_better_and_by_how_much() -> None:
    results = {"a": [result("a", 80)], "b": [result("b", 20)], "c": [result("c", 140)]}
    _, why = judged(results, "a")
    assert why == (
        "better than a: b (10.0 points, p < 0.001); a is better than c (10.0 points, p < 0.001)"
    )


def test_many_pairs_make_a_finding_harder() -> None:
    """Alone it is one; among ten equally good ones it might be chance (Holm)."""
    alone = {"a": [result("a", 20)], "b": [result("b", 27)]}
    assert judged(alone, "a")[0] == HOLDS
    crowd = alone | {f"c{k}": [result(f"c{k}", 27)] for k in range(9)}
    assert judged(crowd, "a")[0] == CANNOT_BE_TOLD


def test_of_losses_less_is_better() -> None:
    results = {"a": [result("a", 20)], "b": [result("b", 80)]}
    verdict, why = judged(results, "a", measure="log_loss")
    assert verdict == HOLDS
    assert "in log_loss" in why


def test_several_seeds_are_compared_seed_by_seed() -> None:
    results = {
        "a": [result("a", 20 + seed, seed) for seed in range(4)],
        "b": [result("b", 40 + seed, seed) for seed in range(4)],
    }
    assert judged(results, "a")[0] == HOLDS


def test_methods_of_other_names_can_be_compared() -> None:
    results = {"a": [result("a", 20, method="SVM")], "b": [result("b", 80)]}
    assert judged(results, "a")[0] == HOLDS


def test_what_did_not_run_cannot_be_told() -> None:
    assert judged({"a": [result("a", 20)], "b": []}, "a") == (CANNOT_BE_TOLD, "b did not run")


def test_one_run_under_two_names_is_no_comparison() -> None:
    shared = result("a", 20)
    verdict, why = judged({"a": [shared], "b": [shared]}, "a")
    assert (verdict, why) == (CANNOT_BE_TOLD, "b and a are one configuration here")


def test_other_test_images_cannot_be_compared() -> None:
    other = result("b", 80)
    moved = replace(other, predictions=replace(other.predictions, ids=np.arange(600) + 1))
    verdict, why = judged({"a": [result("a", 20)], "b": [moved]}, "a")
    assert verdict == CANNOT_BE_TOLD
    assert "other test images" in why
