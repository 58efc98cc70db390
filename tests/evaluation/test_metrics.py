"""Metrics of one classifier: parity with scikit-learn, and honesty at the edges."""

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


def predicting(labels: Any, predicted: Any, classes: int = 4) -> Predictions:
    """Predictions whose highest score is the class wanted."""
    return Predictions(
        method="any",
        ids=np.arange(len(labels)),
        labels=labels,
        scores=np.eye(classes)[np.asarray(predicted)],
        class_names=tuple(f"class {k}" for k in range(classes)),
        seconds=0.5,
    )


def measured(predictions: Predictions, resamples: int = 50, **changes: Any) -> dict[str, Any]:
    settings = {"confidence": 0.95, "seed": 0} | changes
    return classification_metrics(predictions, resamples=resamples, **settings)


# Four classes of which some never occur, or are never predicted, or both.
PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30)


@settings(deadline=None)
@given(PAIRS)
def test_values_equal_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    labels, predicted = np.array(pairs).T
    ours = measured(predicting(labels, predicted))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about classes that are predicted but never occur
        expected = {
            "accuracy": sklearn_metrics.accuracy_score(labels, predicted),
            "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(labels, predicted),
            "macro_f1": sklearn_metrics.f1_score(labels, predicted, average="macro"),
            "weighted_f1": sklearn_metrics.f1_score(labels, predicted, average="weighted"),
        }
    assert {name: ours[name]["value"] for name in expected} == pytest.approx(expected)
    precision, recall, f1, support = sklearn_metrics.precision_recall_fscore_support(
        labels, predicted, labels=range(4), zero_division=0
    )
    for k, row in enumerate(ours["per_class"].values()):
        assert (row["precision"], row["f1"], row["support"]) == pytest.approx(
            (precision[k], f1[k], support[k])
        )
        assert row["recall"] == (pytest.approx(recall[k]) if support[k] else None)
        assert row["accuracy"] == row["recall"]
    counts = sklearn_metrics.confusion_matrix(labels, predicted, labels=range(4))
    assert ours["confusion_matrix"]["counts"] == counts.tolist()


@settings(deadline=None)
@given(PAIRS)
def test_every_interval_holds_its_value_and_stays_between_0_and_1(
    pairs: list[tuple[int, int]],
) -> None:
    labels, predicted = np.array(pairs).T
    ours = measured(predicting(labels, predicted))
    names = ("accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "brier", "ece")
    found = [ours[name] for name in names]
    found[4] = {end: number / 2 for end, number in found[4].items()}  # Brier scores go up to 2
    found += [row | {"value": row["accuracy"]} for row in ours["per_class"].values()]
    for row in found:
        if row["value"] is None:
            assert row["low"] is row["high"] is None
        else:
            assert 0 <= row["low"] <= row["value"] <= row["high"] <= 1


def test_metrics_are_json_without_nan() -> None:
    absent = predicting([0, 0, 1, 1], [0, 1, 1, 1])
    text = json.dumps(measured(absent), allow_nan=False)
    assert json.loads(text)["per_class"]["class 3"]["accuracy"] is None
    assert json.loads(text)["confusion_matrix"]["rates"][3] == [None] * 4


def test_perfect_predictions_are_not_certain_in_any_measure() -> None:
    labels = np.arange(36) % 2
    ours = measured(predicting(labels, labels, classes=2))
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        assert ours[name] == pytest.approx({"value": 1, "low": 0.9036, "high": 1}, abs=1e-4)
    for name in ("roc_auc", "average_precision"):
        assert ours[name] == pytest.approx({"value": 1, "low": 0.8241, "high": 1}, abs=1e-4)
    assert ours["per_class"]["class 0"]["low"] == pytest.approx(0.8241, abs=1e-4)
    assert ours["confusion_matrix"]["high"][0][1] == pytest.approx(1 - 0.8241, abs=1e-4)


def test_always_answering_no_is_unmasked() -> None:
    # One report's SVM: 89.14 % on 10,000 images of which 9,000 are no birds.
    labels = np.repeat([0, 1], [900, 100])
    never = measured(predicting(labels, np.zeros(1000, dtype=int), classes=2))
    assert (never["majority_class"], never["majority_baseline"]) == ("class 0", 0.9)
    assert never["accuracy"]["value"] == 0.9
    assert not never["below_majority"]
    assert never["balanced_accuracy"]["value"] == 0.5
    seldom = np.zeros(1000, dtype=int)
    seldom[880:911] = 1  # 20 false alarms, 11 birds found
    worse = measured(predicting(labels, seldom, classes=2))
    assert worse["accuracy"]["value"] == 0.891
    assert worse["below_majority"]


def test_a_class_with_many_images_gets_the_bootstrap_interval() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 2000)
    predicted = np.where(rng.random(2000) < 0.8, labels, 1 - labels)
    ours = measured(predicting(labels, predicted, classes=2), resamples=4000)
    for row in ours["per_class"].values():
        half = 1.96 * (row["accuracy"] * (1 - row["accuracy"]) / row["support"]) ** 0.5
        assert row["high"] - row["low"] == pytest.approx(2 * half, rel=0.06)
    # Wilson's interval would not depend on the seed.
    reseeded = measured(predicting(labels, predicted, classes=2), resamples=4000, seed=1)
    assert reseeded["per_class"] != ours["per_class"]
    confusion = ours["confusion_matrix"]
    assert confusion["low"][0][1] == pytest.approx(1 - confusion["high"][0][0], abs=1e-9)


def test_ranking_of_two_classes_needs_both() -> None:
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    two = Predictions("any", np.arange(3), [0, 1, 1], scores, ("rest", "bird"), 0.0)
    ours = measured(two)
    assert (ours["positive_class"], ours["roc_auc"]["value"]) == ("bird", 1.0)
    assert ours["roc_curve"]["tpr"] == [0, 0.5, 1, 1]
    one_kind = Predictions("any", np.arange(3), [1, 1, 1], scores, ("rest", "bird"), 0.0)
    assert "roc_auc" not in measured(one_kind)


def test_a_perfect_ranking_of_wrong_decisions_has_area_one() -> None:
    scores = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.7, 0.3]])
    shy = Predictions("any", np.arange(4), [0, 0, 1, 1], scores, ("rest", "bird"), 0.0)
    ours = measured(shy)
    assert (ours["accuracy"]["value"], ours["roc_auc"]["value"]) == (0.5, 1.0)


def test_the_seed_decides_the_intervals() -> None:
    rng = np.random.default_rng(0)
    given = predicting(rng.integers(0, 4, 300), rng.integers(0, 4, 300))
    assert measured(given, seed=1) == measured(given, seed=1)
    assert measured(given, seed=1)["macro_f1"] != measured(given, seed=2)["macro_f1"]


def test_macro_f1_and_roc_area_intervals_cover_the_truth() -> None:
    """Over 150 drawn test sets of 150 images; the truth from one of 200,000."""

    def drawn(images: int, seed: int) -> Predictions:
        rng = np.random.default_rng(seed)
        labels = (rng.random(images) < 0.3).astype(int)
        margin = labels - 0.5 + 0.6 * rng.standard_normal(images)
        scores = np.stack([-margin, margin], axis=1)
        return Predictions("any", np.arange(images), labels, scores, ("rest", "bird"), 0.0)

    truth = measured(drawn(200_000, seed=12345), resamples=2)
    found = [measured(drawn(150, seed), resamples=300) for seed in range(150)]
    for name in ("macro_f1", "roc_auc", "average_precision", "balanced_accuracy"):
        value = truth[name]["value"]
        covered = np.mean([row[name]["low"] <= value <= row[name]["high"] for row in found])
        assert 0.88 <= covered <= 0.995, name


def test_ranking_of_many_classes_is_the_micro_average() -> None:
    from sklearn.metrics import average_precision_score, roc_auc_score
    from sklearn.preprocessing import label_binarize

    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 200)
    scores = rng.normal(size=(200, 4)) + 1.5 * np.eye(4)[labels]
    ours = measured(Predictions("any", np.arange(200), labels, scores, tuple("abcd"), 0.0))
    one_hot = label_binarize(labels, classes=range(4))
    scores = scores.astype(np.float32)
    assert ours["positive_class"] is None
    expected = roc_auc_score(one_hot, scores, average="micro")
    assert ours["roc_auc"]["value"] == pytest.approx(expected)
    assert ours["roc_auc"]["low"] < expected < ours["roc_auc"]["high"]
    precision = average_precision_score(one_hot, scores, average="micro")
    assert ours["average_precision"]["value"] == pytest.approx(precision)


@given(st.integers(6, 9), st.integers(1, 12), st.integers(0, 2**32 - 1), st.booleans())
def test_top5_accuracy_equals_that_of_scikit_learn(
    classes: int, images: int, seed: int, coarse: bool
) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, images)
    # Coarse scores are full of ties, of which scikit-learn takes the last class first.
    scores = rng.integers(0, 3, (images, classes)) if coarse else rng.normal(size=(images, classes))
    names = tuple(map(str, range(classes)))
    given = Predictions("any", np.arange(images), labels, scores, names, 0.0)
    expected = sklearn_metrics.top_k_accuracy_score(
        classes - 1 - labels, scores[:, ::-1].astype(np.float32), k=5, labels=range(classes)
    )
    ours = measured(given, resamples=2)
    assert ours["top5_accuracy"]["value"] == pytest.approx(expected)
    assert ours["accuracy"]["value"] <= ours["top5_accuracy"]["value"]


def test_of_five_classes_five_guesses_say_nothing() -> None:
    assert "top5_accuracy" not in measured(predicting([0, 1], [0, 1], classes=5))
    six = measured(predicting([0, 1], [0, 1], classes=6))["top5_accuracy"]
    assert six == {"value": 1, "low": pytest.approx(0.342, abs=1e-3), "high": 1}
