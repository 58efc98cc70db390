"""Comparisons: pairing, tests of significance and the table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_rel

from graft.evaluation import (
    Predictions,
    classification_metrics,
    comparison_table,
    mcnemar_exact,
    paired_difference,
    paired_seeds_interval,
)

SETTINGS: dict[str, Any] = {"resamples": 2000, "confidence": 0.95, "seed": 0}
LABELS = np.arange(400) % 4


def method(name: str, wrong: Any) -> Predictions:
    """Predictions for 400 images that are right except on `wrong`, there one class too high."""
    predicted = LABELS.copy()
    predicted[wrong] = (predicted[wrong] + 1) % 4
    ids = np.array([f"image {k}" for k in range(400)])
    return Predictions(name, ids, LABELS, np.eye(4)[predicted], tuple("abcd"), 0.25)


A = method("fine-tuned", range(0, 40))
B = method("from scratch", range(20, 80))


def test_the_difference_is_a_minus_b_and_pairing_narrows_it() -> None:
    same_mistakes = paired_difference(A, method("x", range(0, 55)), **SETTINGS)
    other_mistakes = paired_difference(A, method("y", range(100, 155)), **SETTINGS)
    assert same_mistakes.value == pytest.approx(15 / 400)
    assert other_mistakes.value == pytest.approx(15 / 400)
    assert same_mistakes.low > 0 > other_mistakes.low
    assert same_mistakes.high - same_mistakes.low < other_mistakes.high - other_mistakes.low


def test_the_difference_has_the_normal_width_of_paired_proportions() -> None:
    interval = paired_difference(A, B, **SETTINGS)
    only_a, only_b = 40 / 400, 20 / 400
    deviation = ((only_a + only_b - (only_a - only_b) ** 2) / 400) ** 0.5
    assert interval.value == pytest.approx(0.05)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * deviation, rel=0.08)


def test_swapping_the_methods_turns_the_sign() -> None:
    there, back = (paired_difference(x, y, **SETTINGS) for x, y in ((A, B), (B, A)))
    assert there.value == -back.value
    assert there.low == pytest.approx(-back.high, abs=0.01)


@pytest.mark.parametrize("measure", ["accuracy", "balanced_accuracy", "macro_f1", "weighted_f1"])
def test_methods_that_agree_everywhere_differ_by_nothing_but_not_certainly(measure: str) -> None:
    interval = paired_difference(A, A, **SETTINGS, measure=measure)
    room = 1.96**2 / (400 + 1.96**2)
    assert interval == pytest.approx((0, -room, room), abs=1e-4)


def test_macro_f1_can_be_compared() -> None:
    from sklearn.metrics import f1_score

    expected = f1_score(LABELS, A.predicted, average="macro") - f1_score(
        LABELS, B.predicted, average="macro"
    )
    interval = paired_difference(A, B, **SETTINGS, measure="macro_f1")
    assert interval.value == pytest.approx(expected)
    assert interval.low < expected < interval.high
    with pytest.raises(ValueError, match="unknown measure 'f1'"):
        paired_difference(A, B, **SETTINGS, measure="f1")


def test_mcnemar_counts_only_images_that_one_method_has_right() -> None:
    # 40 images only A has right, 20 only B: twice the tail of Binomial(60, 1/2) at 40.
    assert mcnemar_exact(A, B) == pytest.approx(0.013489, rel=1e-3)
    assert mcnemar_exact(A, B) == mcnemar_exact(B, A)
    assert mcnemar_exact(A, A) == 1


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        (replace(B, ids=np.char.add(B.ids, "x")), "0 in common"),
        (replace(B, ids=B.ids[::-1]), "400 in common"),
        (replace(B, labels=(LABELS + 1) % 4), "different labels"),
        (replace(B, class_names=tuple("abce")), "classes"),
        (B.as_binary("a"), "classes"),
    ],
)
def test_predictions_for_other_images_are_not_compared(other: Predictions, complaint: str) -> None:
    for compare in (
        lambda: paired_difference(A, other, **SETTINGS),
        lambda: mcnemar_exact(A, other),
        lambda: comparison_table([A, other], {}, **SETTINGS),
    ):
        with pytest.raises(ValueError, match=complaint):
            compare()


def test_the_table_has_a_row_for_each_method_in_order_and_the_baseline_last() -> None:
    known = {"fine-tuned": {"train_seconds": 12.5, "trainable_parameters": 270_000, "epochs": 3}}
    table = comparison_table([A, B], known, **SETTINGS).set_index("method")
    assert table.index.tolist() == ["fine-tuned", "from scratch", "majority class"]
    assert table["accuracy"].tolist() == pytest.approx([0.9, 0.85, 0.25])
    assert (table["accuracy_low"] < table["accuracy"]).all()
    assert (table["macro_f1"] < table["macro_f1_high"]).all()
    assert table["difference"].tolist()[1:] == pytest.approx([-0.05, -0.65])
    assert table.loc["from scratch", "difference_high"] < 0
    assert table.loc["from scratch", "mcnemar_p"] < 0.05
    assert table.loc["fine-tuned", ["difference", "difference_low", "mcnemar_p"]].isna().all()
    assert table["predict_seconds"].tolist()[:2] == [0.25, 0.25]
    assert table.loc["fine-tuned", "trainable_parameters"] == 270_000
    assert table["images_per_second"].tolist()[:2] == [1600, 1600]
    unknown = ["train_seconds", "parameters", "trainable_parameters", "epochs"]
    assert table.loc["majority class", [*unknown, "predict_seconds"]].isna().all()


def test_whole_numbers_stay_whole_in_csv() -> None:
    table = comparison_table([A, B], {"fine-tuned": {"epochs": 12}}, **SETTINGS)
    rows = table.to_csv(index=False).splitlines()
    assert rows[0].startswith("method,test_images,accuracy,accuracy_low,accuracy_high,macro_f1,")
    assert rows[1].endswith(",,0.25,1600.0,,,,12")
    assert pd.api.types.is_integer_dtype(table["test_images"])


@pytest.mark.parametrize(
    ("methods", "details", "complaint"),
    [
        ([], {}, "at least one"),
        ([A, A], {}, "method names must differ"),
        ([replace(A, method="majority class")], {}, "majority class"),
        ([replace(A, method="class prevalence")], {}, "class prevalence"),
        ([A], {"scratch": {}}, "details of 'scratch'"),
        ([A], {"fine-tuned": {"epoch": 3}}, "epoch"),
    ],
)
def test_a_table_that_would_mislead_is_refused(
    methods: list[Predictions], details: dict[str, dict[str, int]], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        comparison_table(methods, details, **SETTINGS)


def test_seeds_are_compared_by_the_paired_t_interval() -> None:
    a, b = np.array([0.91, 0.93, 0.90, 0.92]), np.array([0.90, 0.90, 0.89, 0.90])
    expected = ttest_rel(a, b).confidence_interval(0.9)
    interval = paired_seeds_interval((a - b).tolist(), confidence=0.9)
    assert interval == pytest.approx((0.0175, expected.low, expected.high))


@pytest.mark.parametrize("differences", [[], [0.01]])
def test_one_seed_has_no_spread(differences: list[float]) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        paired_seeds_interval(differences)


def several(name: str, noise: float, images: int = 300) -> Predictions:
    """Probabilities of four classes; the same images are hard for every method."""
    rng = np.random.default_rng(0)
    labels = (rng.random((images, 4)) < [0.1, 0.2, 0.3, 0.4]).astype(np.int8)
    hard = rng.normal(size=labels.shape)
    own = np.random.default_rng(len(name)).normal(size=labels.shape)
    scores = 1 / (1 + np.exp(-(3 * labels - 1.5 + hard + noise * own)))
    labels[rng.random(labels.shape) < 0.05] = -1
    ids = np.array([f"image {k}" for k in range(images)])
    return Predictions(name, ids, labels, scores, tuple("abcd"), 0.25, threshold=0.5)


SEVERAL = several("fine-tuned", 0.3)
NOISY = several("from scratch", 1.5)


def mean_average_precision(of: Predictions) -> float:
    from sklearn.metrics import average_precision_score

    counted = of.counted
    return float(
        np.mean(
            [
                average_precision_score(of.labels[rows, k], of.scores[rows, k])
                for k, rows in enumerate(counted.T)
            ]
        )
    )


def test_several_labels_are_compared_in_mean_average_precision() -> None:
    interval = paired_difference(SEVERAL, NOISY, **SETTINGS)
    expected = mean_average_precision(SEVERAL) - mean_average_precision(NOISY)
    assert interval.value == pytest.approx(expected)
    assert 0 < interval.low < interval.value < interval.high
    by_name = paired_difference(SEVERAL, NOISY, **SETTINGS, measure="mean_average_precision")
    assert by_name == interval


def test_pairing_narrows_the_difference_of_mean_average_precisions() -> None:
    from graft.evaluation.metrics import overall_scores

    alone = overall_scores(SEVERAL, **SETTINGS)["mean_average_precision"]
    similar = several("another start", 0.4)
    paired = paired_difference(SEVERAL, similar, **SETTINGS)
    assert paired.high - paired.low < 0.8 * (alone.high - alone.low)


@pytest.mark.parametrize("measure", ["macro_f1", "micro_f1", "label_accuracy", "exact_match"])
def test_other_scores_of_several_labels_can_be_compared(measure: str) -> None:
    from graft.evaluation.metrics import overall_scores

    of_each = [
        overall_scores(p, resamples=2, confidence=0.95, seed=0)[measure].value
        for p in (SEVERAL, NOISY)
    ]
    interval = paired_difference(SEVERAL, NOISY, **SETTINGS, measure=measure)
    assert interval.value == pytest.approx(of_each[0] - of_each[1])
    assert interval.low < interval.value < interval.high


def test_equal_predictions_of_several_labels_differ_by_nothing_but_not_certainly() -> None:
    interval = paired_difference(SEVERAL, SEVERAL, **SETTINGS)
    room = 1.96**2 / (300 + 1.96**2)
    assert interval == pytest.approx((0, -room, room), abs=1e-4)


@pytest.mark.parametrize("measure", ["log_loss", "brier"])
def test_losses_are_compared_between_probabilities_and_with_nothing_else(measure: str) -> None:
    both = [
        classification_metrics(p, resamples=2, confidence=0.95, seed=0)[measure]["value"]
        for p in (SEVERAL, NOISY)
    ]
    interval = paired_difference(SEVERAL, NOISY, **SETTINGS, measure=measure)
    assert interval.value == pytest.approx(both[0] - both[1])
    assert interval.low < interval.value < interval.high < 0
    machine = replace(NOISY, scores=NOISY.scores - 0.5, threshold=0.0)
    with pytest.raises(ValueError, match=f"unknown measure '{measure}'"):
        paired_difference(SEVERAL, machine, **SETTINGS, measure=measure)


def test_losses_of_single_labels_are_compared_too() -> None:
    rng = np.random.default_rng(0)
    sure, unsure = (
        replace(A, method=name, scores=(np.eye(4)[A.predicted] + noise) / (1 + 4 * noise))
        for name, noise in (("sure", rng.random((400, 1)) / 50), ("unsure", 0.5))
    )
    interval = paired_difference(sure, unsure, **SETTINGS, measure="log_loss")
    each = [-np.log(p.scores[np.arange(400), LABELS]).mean() for p in (sure, unsure)]
    assert interval.value == pytest.approx(each[0] - each[1], rel=1e-5)
    same = paired_difference(sure, sure, **SETTINGS, measure="log_loss")
    assert same == (0, 0, 0)


def test_the_table_of_several_labels_has_no_test_of_right_and_wrong() -> None:
    table = comparison_table([SEVERAL, NOISY], {"fine-tuned": {"epochs": 3}}, **SETTINGS)
    assert not {"accuracy", "mcnemar_p"} & set(table)
    rows = table.set_index("method")
    assert rows.index.tolist() == ["fine-tuned", "from scratch", "class prevalence"]
    scores = [mean_average_precision(SEVERAL), mean_average_precision(NOISY)]
    measured = rows["mean_average_precision"]
    assert measured.tolist()[:2] == pytest.approx(scores)
    assert (rows["mean_average_precision_low"] < measured).all()
    assert rows["difference"].tolist()[1:] == pytest.approx(
        measured.tolist()[1:] - measured.iloc[0]
    )
    assert rows.loc["fine-tuned", ["difference", "difference_low"]].isna().all()
    assert rows.loc["from scratch", "difference_high"] < 0
    assert {"macro_f1", "macro_f1_low", "macro_f1_high", "predict_seconds"} <= set(table)


def test_several_labels_are_not_compared_with_one() -> None:
    for one, other in ((A, replace(SEVERAL, ids=SEVERAL.ids)), (SEVERAL, A)):
        with pytest.raises(ValueError, match="cannot be compared"):
            paired_difference(one, other, **SETTINGS)


def test_mcnemar_takes_several_labels_for_right_where_all_are() -> None:
    only_one, only_other = (
        int((one.correct & ~other.correct).sum())
        for one, other in ((SEVERAL, NOISY), (NOISY, SEVERAL))
    )
    from scipy.stats import binomtest

    expected = binomtest(only_one, only_one + only_other).pvalue
    assert mcnemar_exact(SEVERAL, NOISY) == pytest.approx(expected)
