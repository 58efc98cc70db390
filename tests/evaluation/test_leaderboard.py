"""The leaderboard: order, shared ranks, seeds, and what must not be compared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from graft.errors import GraftError
from graft.evaluation import Predictions, mcnemar_exact, paired_difference
from graft.evaluation.leaderboard import Result, leaderboard

SETTINGS: dict[str, Any] = {"measure": None, "resamples": 500, "confidence": 0.95, "seed": 0}
LABELS = np.arange(400) % 4


def predicted(wrong: Any, method: str = "fine-tuned") -> Predictions:
    """Right but on `wrong`; sure of itself."""
    answers = LABELS.copy()
    answers[wrong] = (answers[wrong] + 1) % 4
    scores = 0.9 * np.eye(4)[answers] + 0.025
    return Predictions(method, np.arange(400), LABELS, scores, tuple("abcd"), 0.1)


def result(name: str, wrong: Any, seed: int = 0, method: str = "fine-tuned") -> Result:
    return Result(name, seed, f"run of {name}, {seed}", "data", predicted(wrong, method))


BEST, CLOSE, WORSE, NEAR_WORSE = (
    result("best", range(0, 20)),
    result("close", range(0, 23)),
    result("worse", range(0, 60)),
    result("near worse", range(0, 63)),
)


def test_ranks_are_shared_where_the_difference_may_be_chance() -> None:
    board, _ = leaderboard([NEAR_WORSE, CLOSE, WORSE, BEST], **SETTINGS)
    assert board["method"].tolist() == ["best", "close", "worse", "near worse"]
    assert board["rank"].tolist() == [1, 1, 3, 3]
    assert board["score"].tolist() == pytest.approx([0.95, 0.9425, 0.85, 0.8425])


def test_each_pair_is_tested_and_corrected_for_their_number() -> None:
    board, pairs = leaderboard([BEST, CLOSE, WORSE], **SETTINGS)
    assert pairs[["first", "second"]].to_numpy().tolist() == [
        ["best", "close"],
        ["best", "worse"],
        ["close", "worse"],
    ]
    of_predictions = [r.predictions for r in (BEST, CLOSE, WORSE)]
    best, close, _ = of_predictions
    assert pairs["p"][0] == mcnemar_exact(best, close)
    assert (pairs["p_holm"] >= pairs["p"]).all()
    assert pairs["p_holm"].max() == pytest.approx(pairs["p"][0])
    expected = paired_difference(best, close, resamples=500, confidence=0.95, seed=0)
    columns = ["difference", "difference_low", "difference_high"]
    assert pairs.loc[0, columns].tolist() == pytest.approx(list(expected))
    to_best = board.loc[1, columns].tolist()
    assert to_best == pytest.approx([-expected.value, -expected.high, -expected.low])
    assert board.loc[0, columns].isna().all()


def test_a_worse_one_by_chance_is_seldom_called_so() -> None:
    """Three equal classifiers: with the correction a rank below the first is rare."""
    rng = np.random.default_rng(0)
    told = 0
    for _ in range(60):
        equal = [result(name, rng.random(400) < 0.1) for name in "abc"]
        told += leaderboard(equal, **SETTINGS | {"resamples": 2})[0]["rank"].max() > 1
    assert told <= 6


def test_runs_that_differ_by_the_seed_are_one_contestant() -> None:
    results = [
        *(result("good", range(0, 20 + k), seed=k) for k in range(3)),
        *(result("bad", range(0, 60 + 2 * k), seed=k) for k in range(3)),
    ]
    board, pairs = leaderboard(results, **SETTINGS)
    assert board["seeds"].tolist() == [3, 3]
    good = np.array([380, 379, 378]) / 400
    assert board["score"][0] == pytest.approx(good.mean())
    assert board["deviation"][0] == pytest.approx(good.std(ddof=1))
    assert pairs["test"].tolist() == ["paired t over seeds"]
    assert pairs["difference"][0] == pytest.approx(41 / 400)
    assert board["rank"].tolist() == [1, 2]
    assert board["runs"][0] == "run of good, 0 run of good, 1 run of good, 2"


def test_only_shared_seeds_are_paired() -> None:
    results = [result("a", range(k), seed=k) for k in (0, 1, 2)]
    results += [result("b", range(9 * k), seed=k) for k in (1, 2, 3)]
    _, pairs = leaderboard(results, **SETTINGS)
    assert pairs["seeds"].tolist() == [2]
    assert pairs["difference"][0] == pytest.approx((8 + 16) / 2 / 400)
    apart = [results[0], results[1], results[-1], replace(results[-2], seed=7)]
    with pytest.raises(GraftError, match=r"a has the seeds \[0, 1\], b has \[3, 7\]"):
        leaderboard(apart, **SETTINGS)


def test_a_lower_mean_is_not_surely_worse_where_it_is_better_on_the_shared_seeds() -> None:
    results = [result("a", range(200), seed=0), *(result("a", [], seed=k) for k in (1, 2))]
    board, pairs = leaderboard([*results, result("b", range(80), seed=0)], **SETTINGS)
    assert board["method"].tolist() == ["a", "b"]
    assert pairs["p_holm"][0] < 1e-6
    assert board["rank"].tolist() == [1, 1]


def test_one_run_each_is_paired_whatever_the_seeds_are() -> None:
    _, pairs = leaderboard([BEST, replace(WORSE, seed=5)], **SETTINGS)
    assert pairs["test"].tolist() == ["McNemar, exact"]


@pytest.mark.parametrize(
    ("measure", "test"), [("exact_match", "McNemar, exact"), ("label_accuracy", "paired bootstrap")]
)
def test_of_several_labels_mcnemar_judges_the_images_that_are_right_in_every_class(
    measure: str, test: str
) -> None:
    answers = np.random.default_rng(0).integers(0, 2, (60, 3))

    def with_wrong(count: int) -> Predictions:
        decided = answers.copy()
        decided[:count, 1] = 1 - decided[:count, 1]
        scores = 0.8 * decided + 0.1
        return Predictions("cnn", np.arange(60), answers, scores, tuple("abc"), 0.1, threshold=0.5)

    one, other = with_wrong(5), with_wrong(20)
    results = [Result(name, 0, name, "data", p) for name, p in (("a", one), ("b", other))]
    _, pairs = leaderboard(results, **SETTINGS | {"measure": measure})
    assert pairs["test"].tolist() == [test]
    assert (pairs["p"][0] == mcnemar_exact(one, other)) == (measure == "exact_match")


def test_other_test_images_are_refused_and_named() -> None:
    ids = np.arange(400) + 1
    other = replace(WORSE, predictions=replace(WORSE.predictions, ids=ids), data="other data")
    with pytest.raises(GraftError, match=r"best \(run run of best, 0, data data\).*399 in common"):
        leaderboard([BEST, other], **SETTINGS)


def test_several_methods_of_one_run_are_told_by_their_names() -> None:
    svm = result("best", range(0, 60), method="SVM")
    board, _ = leaderboard([BEST, svm], **SETTINGS)
    assert board["method"].tolist() == ["fine-tuned", "SVM"]
    board, _ = leaderboard([BEST, svm, WORSE], **SETTINGS)
    assert "best: SVM" in board["method"].tolist()


@pytest.mark.parametrize("measure", ["macro_f1", "weighted_f1", "log_loss", "brier"])
def test_other_measures_are_tested_by_the_bootstrap_and_losses_turned(measure: str) -> None:
    board, pairs = leaderboard([WORSE, BEST], **SETTINGS | {"measure": measure})
    assert board["method"].tolist() == ["best", "worse"]
    assert pairs["test"].tolist() == ["paired bootstrap"]
    assert board["rank"].tolist() == [1, 2]
    falls = measure in ("log_loss", "brier")
    assert (pairs["difference"][0] < 0) == falls


@pytest.mark.parametrize(
    ("results", "changes", "complaint"),
    [
        ([], {}, "no results"),
        ([BEST], {}, "only best"),
        ([BEST, replace(BEST, run="again")], {}, "run of best, 0 and again are both best"),
        ([BEST, WORSE], {"measure": "exact_match"}, "has no exact_match; it has accuracy"),
    ],
)
def test_what_cannot_be_ranked_is_refused(
    results: list[Result], changes: dict[str, str], complaint: str
) -> None:
    with pytest.raises(GraftError, match=complaint):
        leaderboard(results, **SETTINGS | changes)
