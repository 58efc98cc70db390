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


@pytest.mark.parametrize("measure", ["accuracy", "balanced_accuracy", "macro_f1"])
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
    unknown = ["train_seconds", "trainable_parameters", "epochs"]
    assert table.loc["majority class", [*unknown, "predict_seconds"]].isna().all()


def test_whole_numbers_stay_whole_in_csv() -> None:
    table = comparison_table([A, B], {"fine-tuned": {"epochs": 12}}, **SETTINGS)
    rows = table.to_csv(index=False).splitlines()
    assert rows[0].startswith("method,test_images,accuracy,accuracy_low,accuracy_high,macro_f1,")
    assert rows[1].endswith(",,0.25,,12")
    assert pd.api.types.is_integer_dtype(table["test_images"])


@pytest.mark.parametrize(
    ("methods", "details", "complaint"),
    [
        ([], {}, "at least one"),
        ([A, A], {}, "method names must differ"),
        ([replace(A, method="majority class")], {}, "majority class"),
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
