"""From results of runs to the leaderboard and its figure."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import mlflow
import numpy as np
import pytest

from graft.errors import GraftError
from graft.evaluation import Predictions
from graft.evaluation.leaderboard import Result
from graft.pipelines.comparison import nodes
from graft.tracking.records import record_metrics

EVALUATION = {"bootstrap_resamples": 50, "confidence": 0.95}


def result(configuration: str, right: int, method: str = "fine-tuned") -> Result:
    labels = np.arange(100) % 2
    scores = np.eye(2)[np.where(np.arange(100) < right, labels, 1 - labels)]
    predictions = Predictions(method, np.arange(100), labels, scores, ("a", "b"), 0.1)
    return Result(configuration, 0, configuration, "data", predictions)


RESULTS = [
    result("digits", 90),
    result("digits", 60, "SVM"),
    result("10 shots", 88),
    result("10 shots", 56, "SVM"),
]


def ranked(**comparison: Any) -> Any:
    chosen = {"methods": None, "measure": None} | comparison
    return nodes.rank(RESULTS, chosen, EVALUATION, 0)


def test_the_methods_that_are_asked_for_are_ranked_and_drawn() -> None:
    board, pairs, _ = ranked(methods=["fine-tuned"])
    assert board[["method", "rank"]].to_numpy().tolist() == [["digits", 1], ["10 shots", 1]]
    assert len(pairs) == 1
    figure = nodes.draw_leaderboard(board)
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == ["digits  1.", "10 shots  1."]
    board, pairs, _ = ranked(methods=["fine-tuned", "SVM"])
    assert board["method"].tolist()[0] == "digits: fine-tuned"
    assert board["rank"].tolist() == [1, 1, 3, 3]
    assert len(pairs) == 6


def test_by_default_each_run_stands_for_itself_by_its_main_method() -> None:
    board, _, _ = ranked()
    assert board["method"].tolist() == ["digits", "10 shots"]


def test_by_default_the_methods_of_a_single_experiment_are_compared() -> None:
    chosen = {"methods": None, "measure": None}
    board, _, _ = nodes.rank(RESULTS[:2], chosen, EVALUATION, 0)
    assert board["method"].tolist() == ["fine-tuned", "SVM"]


def test_mlflow_gets_scores_and_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: dict[str, float] = {}
    monkeypatch.setattr(mlflow, "active_run", lambda: True)
    monkeypatch.setattr(mlflow, "log_metrics", logged.update)
    _, _, scores = ranked(methods=["fine-tuned"])
    json.dumps(scores, allow_nan=False, default=int)
    record_metrics({"test": scores})
    assert logged["test/digits/accuracy"] == 0.9
    assert logged["test/10 shots/rank"] == 1


def test_losses_are_drawn_as_numbers_and_a_lone_leader_too() -> None:
    board, _, _ = ranked(methods=["fine-tuned"], measure="brier")
    assert nodes.draw_leaderboard(board).axes[0].get_xlabel() == "brier on the test images"


def test_parameters_that_differ_have_an_axis_and_the_score_stands_last() -> None:
    told = [
        {"training.epochs": "8", "model.backbone": "a"},
        {"training.epochs": "2", "model.backbone": "a"},
    ]
    results = [
        dataclasses.replace(result(name, right), parameters=parameters)
        for name, right, parameters in zip(("long", "short"), (90, 60), told, strict=True)
    ]
    for measure, last in (("accuracy", "accuracy"), ("brier", "minus brier")):
        chosen = {"methods": None, "measure": measure}
        board, _, _ = nodes.rank(results, chosen, EVALUATION, 0)
        figure = nodes.draw_parameters(results, board)
        titles = [t.get_text() for t in figure.axes[0].texts if t.get_weight() == "bold"]
        assert titles == ["method", "training.epochs", last]


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(GraftError, match="no 'finetuned'; they have fine-tuned, SVM"):
        ranked(methods=["finetuned"])
