"""Metrics of several labels: parity with scikit-learn, what is not counted, honest intervals."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from graft.evaluation import Predictions, classification_metrics
from graft.evaluation.intervals import percentile_interval
from graft.evaluation.metrics import overall_scores


def predicting(labels: Any, scores: Any, threshold: float = 0.5) -> Predictions:
    names = tuple(f"class {k}" for k in range(np.shape(labels)[1]))
    return Predictions(
        "any", np.arange(len(labels)), np.array(labels), scores, names, 0.5, threshold=threshold
    )


def measured(predictions: Predictions, resamples: int = 20, **changes: Any) -> dict[str, Any]:
    chosen = {"confidence": 0.95, "seed": 0} | changes
    return classification_metrics(predictions, resamples=resamples, **chosen)


def several(lowest: int) -> st.SearchStrategy[tuple[np.ndarray, np.ndarray]]:
    """Labels from `lowest` to 1 and scores of few values (N, 3), some exactly at 0.5."""
    row = st.lists(st.tuples(st.integers(lowest, 1), st.integers(0, 6)), min_size=3, max_size=3)

    def arrays(rows: list[list[tuple[int, int]]]) -> tuple[np.ndarray, np.ndarray]:
        labels, sixths = np.moveaxis(np.array(rows), -1, 0)
        return labels, sixths / 6

    return st.lists(row, min_size=1, max_size=20).map(arrays)


@settings(deadline=None)
@given(several(lowest=0))
def test_values_equal_those_of_scikit_learn(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    labels, scores = drawn
    said = (scores > 0.5).astype(int)
    ours = measured(predicting(labels, scores))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about classes that no image shows
        precisions = sklearn_metrics.average_precision_score(labels, scores, average=None)
        macro, micro = (
            sklearn_metrics.f1_score(labels, said, average=average, zero_division=np.nan)
            for average in ("macro", "micro")
        )
        weighted = sklearn_metrics.f1_score(labels, said, average="weighted", zero_division=0)
        of_classes = sklearn_metrics.precision_recall_fscore_support(labels, said, zero_division=0)
    shown = labels.any(axis=0)
    expected = {
        "macro_f1": np.nan_to_num(macro),
        "micro_f1": np.nan_to_num(micro),
        "weighted_f1": weighted,
        "label_accuracy": 1 - sklearn_metrics.hamming_loss(labels, said),
        "exact_match": sklearn_metrics.accuracy_score(labels, said),
        "log_loss": sklearn_metrics.log_loss(
            labels.ravel(), scores.astype(np.float32).ravel(), labels=[0, 1]
        ),
        "brier": sklearn_metrics.brier_score_loss(labels.ravel() == 1, scores.ravel()),
    }
    assert {name: ours[name]["value"] for name in expected} == pytest.approx(expected, rel=1e-5)
    mean = ours["mean_average_precision"]["value"]
    assert mean == (pytest.approx(precisions[shown].mean()) if shown.any() else None)
    for k, row in enumerate(ours["per_class"].values()):
        precision, recall, f1, support = (column[k] for column in of_classes)
        assert (row["precision"], row["f1"], row["support"]) == pytest.approx(
            (precision, f1, support)
        )
        assert row["recall"] == (pytest.approx(recall) if support else None)
        assert row["average_precision"] == (pytest.approx(precisions[k]) if support else None)
        both = 0 < support < len(labels)
        area = sklearn_metrics.roc_auc_score(labels[:, k], scores[:, k]) if both else None
        assert row["roc_auc"] == (pytest.approx(area) if both else None)
        _, false_alarms, missed, found = sklearn_metrics.confusion_matrix(
            labels[:, k], said[:, k], labels=[0, 1]
        ).ravel()
        assert (row["found"], row["missed"], row["false_alarms"]) == (found, missed, false_alarms)


@settings(deadline=None)
@given(several(lowest=0))
def test_the_pool_of_all_questions_is_the_micro_average(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    labels, scores = drawn
    ours = measured(predicting(labels, scores))
    if not 0 < labels.sum() < labels.size:
        assert "roc_auc" not in ours
        return
    assert ours["positive_class"] is None
    area = sklearn_metrics.roc_auc_score(labels.ravel(), scores.ravel())
    precision = sklearn_metrics.average_precision_score(labels.ravel(), scores.ravel())
    assert ours["roc_auc"]["value"] == pytest.approx(area)
    assert ours["average_precision"]["value"] == pytest.approx(precision)


@settings(deadline=None)
@given(several(lowest=-1))
def test_what_is_not_counted_could_as_well_not_be_there(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    """Whatever is said of it changes nothing, and a class sees the other images alone."""
    labels, scores = drawn
    ours = measured(predicting(labels, scores))
    said_otherwise = measured(predicting(labels, np.where(labels < 0, 1 - scores, scores)))
    assert said_otherwise == ours
    for k, row in enumerate(ours["per_class"].values()):
        counted = labels[:, k] >= 0
        assert row["counted"] == counted.sum()
        if not counted.any():
            assert row["average_precision"] is row["roc_auc"] is row["recall"] is None
            continue
        alone = measured(predicting(labels[counted, k : k + 1], scores[counted, k : k + 1]))
        (of_the_rest,) = alone["per_class"].values()
        # The interval is of resampled images, of which there are fewer.
        random = ("low", "high")
        assert {x: row[x] for x in row if x not in random} == {
            x: of_the_rest[x] for x in row if x not in random
        }


@settings(deadline=None)
@given(several(lowest=-1))
def test_every_interval_holds_its_value_and_all_of_it_is_json(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    ours = json.loads(json.dumps(measured(predicting(*drawn)), allow_nan=False))
    intervals = [row for row in ours.values() if isinstance(row, dict) and "value" in row]
    intervals += [row | {"value": row["average_precision"]} for row in ours["per_class"].values()]
    for row in intervals:
        if row["value"] is None:
            assert row["low"] is row["high"] is None
        elif row["low"] is not None:
            assert 0 <= row["low"] <= row["value"] <= row["high"]
    for name in ("mean_average_precision", "exact_match", "macro_f1", "micro_f1"):
        assert ours[name]["high"] is None or ours[name]["high"] <= 1


def test_the_mean_over_classes_leaves_out_those_that_no_image_shows() -> None:
    labels = np.array([[1, 0, 0], [0, 0, 1], [1, 0, 0], [0, 0, 1]])
    ours = measured(predicting(labels, np.array([[0.9, 0.9, 0.1]] * 2 + [[0.8, 0.9, 0.7]] * 2)))
    of_classes = [ours["per_class"][f"class {k}"]["average_precision"] for k in (0, 2)]
    assert ours["mean_average_precision"]["value"] == pytest.approx(np.mean(of_classes))
    assert ours["per_class"]["class 1"]["average_precision"] is None
    assert ours["per_class"]["class 1"]["false_alarms"] == 4
    # It was claimed all the same: its F1 of 0 counts.
    assert ours["macro_f1"]["value"] == pytest.approx((2 / 3 + 0 + 0.5) / 3)
    assert list(ours["per_class_curves"]) == ["class 0", "class 2"]


def test_the_11_point_mean_is_that_of_the_classes_and_has_no_interval() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (40, 3))
    ours = measured(predicting(labels, rng.random((40, 3))))
    of_classes = [row["average_precision_11_point"] for row in ours["per_class"].values()]
    assert ours["mean_average_precision_11_point"] == {
        "value": pytest.approx(np.mean(of_classes)),
        "low": None,
        "high": None,
    }


def test_decision_values_have_no_loss_and_decide_above_0() -> None:
    labels = np.array([[1, 0], [0, 1], [1, 1]])
    ours = measured(predicting(labels, [[0.2, -1.5], [-0.1, 3.0], [0.5, -0.2]], threshold=0.0))
    assert "log_loss" not in ours
    assert ours["threshold"] == 0
    assert ours["label_accuracy"]["value"] == pytest.approx(5 / 6)
    assert ours["exact_match"]["value"] == pytest.approx(2 / 3)


def test_the_loss_is_that_of_training() -> None:
    import torch

    logits = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    labels = np.random.default_rng(0).integers(0, 2, (50, 4))
    ours = measured(predicting(labels, logits.sigmoid().numpy()))
    expected = torch.nn.functional.multilabel_soft_margin_loss(logits, torch.from_numpy(labels))
    assert ours["log_loss"]["value"] == pytest.approx(float(expected), rel=1e-5)


def test_a_classifier_that_learnt_nothing_is_unmasked() -> None:
    """Deciding "no" throughout has 90 % of the labels right, and ranks no better than chance."""
    labels = np.zeros((200, 2), dtype=int)
    labels[:20] = 1
    never = measured(predicting(labels, np.full((200, 2), 0.1)))
    assert never["label_accuracy"]["value"] == 0.9
    assert never["mean_average_precision"]["value"] == never["prevalence_baseline"] == 0.1
    assert not never["below_prevalence"]
    upside_down = np.stack([np.linspace(0, 0.4, 200)] * 2, axis=1)
    worse = measured(predicting(labels, upside_down))
    assert worse["below_prevalence"]


def test_perfect_predictions_are_not_certain_in_any_measure() -> None:
    labels = np.tile([[1, 0], [0, 1]], (18, 1))
    ours = measured(predicting(labels, labels * 1.0))
    for name in ("mean_average_precision", "macro_f1", "micro_f1", "exact_match", "label_accuracy"):
        assert ours[name]["value"] == ours[name]["high"] == 1
        assert 0.8 < ours[name]["low"] < 0.95
    assert ours["per_class"]["class 0"]["low"] == pytest.approx(0.8241, abs=1e-4)


def test_the_seed_decides_the_intervals() -> None:
    rng = np.random.default_rng(0)
    given = predicting(rng.integers(0, 2, (60, 3)), rng.random((60, 3)))
    assert measured(given, seed=1) == measured(given, seed=1)
    first, second = (measured(given, seed=seed)["mean_average_precision"] for seed in (1, 2))
    assert first["value"] == second["value"]
    assert first != second


def drawn_images(images: int, classes: int, share: float, seed: int) -> Predictions:
    rng = np.random.default_rng(seed)
    labels = (rng.random((images, classes)) < share).astype(int)
    margin = 1.5 * labels + rng.normal(size=labels.shape) + rng.normal(size=(images, 1)) / 2
    return predicting(labels, margin, threshold=0.75)


def test_intervals_of_means_over_rare_classes_cover_the_truth() -> None:
    """Of 120 drawn test sets of 500 images; the percentile interval does not."""
    truth = {
        name: interval.value
        for name, interval in overall_scores(
            drawn_images(100_000, 20, 0.1, seed=12345), resamples=2, confidence=0.95, seed=0
        ).items()
    }
    found = [
        overall_scores(drawn_images(500, 20, 0.1, seed), resamples=300, confidence=0.95, seed=seed)
        for seed in range(120)
    ]
    for name in ("mean_average_precision", "macro_f1", "micro_f1", "label_accuracy", "exact_match"):
        covered = np.mean([row[name].low <= truth[name] <= row[name].high for row in found])
        assert 0.88 <= covered <= 0.995, name
    percentiles = [
        2 * row["mean_average_precision"].value - np.array(row["mean_average_precision"][:0:-1])
        for row in found
    ]
    covered = np.mean([low <= truth["mean_average_precision"] <= high for low, high in percentiles])
    assert covered < 0.85


def test_of_more_resamples_the_mean_keeps_the_spread() -> None:
    """The interval is that of drawing the images themselves."""
    given = drawn_images(80, 3, 0.4, seed=0)
    rng = np.random.default_rng(1)
    by_hand = []
    for _ in range(400):
        rows = rng.integers(80, size=80)
        by_hand.append(
            sklearn_metrics.average_precision_score(given.labels[rows], given.scores[rows])
        )
    low, high = percentile_interval(np.array(by_hand), 0.95)
    value = sklearn_metrics.average_precision_score(given.labels, given.scores)
    ours = overall_scores(given, resamples=2000, confidence=0.95, seed=0)["mean_average_precision"]
    assert ours.value == pytest.approx(value)
    assert (ours.low, ours.high) == pytest.approx((2 * value - high, 2 * value - low), abs=0.02)
