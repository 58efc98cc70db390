"""Predictions: what they refuse, and what survives a table and a change of question."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from graft.errors import GraftError
from graft.evaluation import Predictions

ANIMALS = ("bird", "cat", "dog")
PROBABILITIES = np.array([[0.3, 0.4, 0.3], [0.4, 0.3, 0.3], [0.1, 0.1, 0.8], [0.6, 0.3, 0.1]])


def predictions(**changes: Any) -> Predictions:
    known: dict[str, Any] = {
        "method": "fine-tuned",
        "ids": ["001", "002", "003", "NA"],
        "labels": [0, 0, 2, 1],
        "scores": PROBABILITIES,
        "class_names": ANIMALS,
        "seconds": 1.5,
    }
    return Predictions(**(known | changes))


def test_the_highest_score_decides_and_the_first_of_equals_wins() -> None:
    tied = predictions(scores=[[1, 1, 0], [0, 2, 2], [3, 3, 3], [0, 0, 1]])
    assert tied.predicted.tolist() == [0, 1, 0, 2]
    assert tied.correct.tolist() == [True, False, False, False]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"ids": ["a", "a", "b", "c"]}, "unique"),
        ({"scores": PROBABILITIES[:, :2]}, r"shape \(4, 2\)"),
        ({"labels": [0, 0, 3, 1]}, "between 0 and 2"),
        ({"labels": [0, 0, -1, 1]}, "between 0 and 2"),
        ({"labels": [0, 0]}, "labels have shape"),
        ({"decisions": np.array([0, 1, 2, 3])}, "decisions must lie"),
        ({"class_names": ("bird", "cat", "bird")}, "repeat"),
        ({"scores": np.where(PROBABILITIES > 0.7, np.nan, PROBABILITIES)}, "1 of 4 images are NaN"),
        ({"ids": [], "labels": [], "scores": np.zeros((0, 3))}, "no images"),
    ],
)
def test_broken_predictions_are_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        predictions(**changes)


def through_csv(frame: pd.DataFrame) -> pd.DataFrame:
    text = io.StringIO(frame.to_csv(index=False))
    return pd.read_csv(text, dtype={"id": str}, keep_default_na=False, na_values=[""])


@pytest.mark.parametrize("carry", [lambda frame: frame, through_csv])
@pytest.mark.parametrize("binary", [False, True])
def test_a_table_gives_the_same_predictions_back(
    carry: Callable[[pd.DataFrame], pd.DataFrame], binary: bool
) -> None:
    given = predictions(class_names=("001", "NA", "score_x"))
    if binary:
        given = given.as_binary("001")
    back = Predictions.from_frame(carry(given.to_frame()))
    assert (back.method, back.class_names, back.seconds) == (
        given.method,
        given.class_names,
        given.seconds,
    )
    for field in ("ids", "labels", "scores", "predicted"):
        np.testing.assert_array_equal(getattr(back, field), getattr(given, field))
        assert getattr(back, field).dtype.kind == getattr(given, field).dtype.kind


def test_a_table_of_two_methods_is_refused() -> None:
    both = pd.concat([predictions().to_frame(), predictions(method="other").to_frame()])
    with pytest.raises(ValueError, match="one method"):
        Predictions.from_frame(both)


def test_a_class_counts_as_found_if_it_was_the_likeliest_of_all() -> None:
    binary = predictions().as_binary("bird")
    assert binary.class_names == ("rest", "bird")
    assert binary.labels.tolist() == [1, 1, 0, 0]
    # The second image is a bird at 0.4: below one half, but the likeliest of three.
    assert binary.predicted.tolist() == [0, 1, 0, 1]
    np.testing.assert_allclose(binary.scores[1], [0.6, 0.4], rtol=1e-6)


def test_decision_values_become_plus_and_minus_d() -> None:
    values = np.array([[-1.0, 2.0, 0.5], [1.0, 0.2, -3.0], [-2.0, -0.1, -0.2], [0.0, 1.0, 2.0]])
    binary = predictions(scores=values).as_binary("dog")
    np.testing.assert_allclose(binary.scores, np.stack([-values[:, 2], values[:, 2]], axis=1))
    assert binary.predicted.tolist() == [0, 0, 0, 1]


def test_binary_predictions_of_the_class_stay_as_they_are() -> None:
    binary = predictions().as_binary("bird")
    assert binary.as_binary("bird") is binary


def test_an_unknown_class_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(GraftError, match="did you mean 'bird'"):
        predictions().as_binary("birds")


def several(**changes: Any) -> Predictions:
    known: dict[str, Any] = {
        "method": "fine-tuned",
        "ids": ["001", "002", "NA"],
        "labels": [[1, 0, 1], [0, 0, 0], [-1, 1, 0]],
        "scores": [[0.9, 0.1, 0.4], [0.2, 0.5, 0.3], [0.7, 0.6, 0.1]],
        "class_names": ANIMALS,
        "seconds": 1.5,
        "threshold": 0.5,
    }
    return Predictions(**(known | changes))


def test_a_class_is_claimed_above_the_threshold_not_at_it() -> None:
    assert several().predicted.tolist() == [[1, 0, 0], [0, 0, 0], [1, 1, 0]]
    assert several(threshold=0.3).predicted.tolist() == [[1, 0, 1], [0, 1, 0], [1, 1, 0]]
    assert several().predicted.dtype == several().labels.dtype == np.int8


def test_an_image_is_right_if_every_class_that_counts_is() -> None:
    assert several().correct.tolist() == [False, True, True]
    assert several().counted.sum() == 8


def test_probabilities_are_told_from_decision_values() -> None:
    assert several().probabilistic
    assert predictions().probabilistic
    # Decision values that happen to lie between 0 and 1 are decided at 0.
    assert not several(threshold=0.0).probabilistic
    assert not several(scores=[[2, 0, 0], [0, 0, 0], [0, 0, 0]]).probabilistic
    assert not predictions(scores=PROBABILITIES * 2).probabilistic


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"labels": [[1, 0], [0, 0], [1, 1]]}, r"labels have shape \(3, 2\)"),
        ({"labels": [[1, 0, 2], [0, 0, 0], [-1, 1, 0]]}, "must be 1, 0 or -1"),
        ({"threshold": None}, "decided by a threshold"),
        ({"decisions": np.zeros(3)}, "decided by a threshold"),
        ({"labels": [0, 1, 2]}, "only one class an image"),
        ({"scores": np.full((3, 3), np.nan)}, "3 of 3 images are NaN"),
    ],
)
def test_broken_predictions_of_several_labels_are_refused(
    changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        several(**changes)


@pytest.mark.parametrize("carry", [lambda frame: frame, through_csv])
@pytest.mark.parametrize("scores", [None, [[0.1, -np.inf, 2.5]] * 3])
def test_a_table_gives_the_same_predictions_of_several_labels_back(
    carry: Callable[[pd.DataFrame], pd.DataFrame], scores: list[list[float]] | None
) -> None:
    # Names that look like columns of the table.
    given = several(class_names=("index", "NA", "score_x"))
    if scores:
        given = several(class_names=("index", "NA", "score_x"), scores=scores, threshold=0.0)
    back = Predictions.from_frame(carry(given.to_frame()))
    assert (back.method, back.class_names, back.seconds, back.threshold) == (
        given.method,
        given.class_names,
        given.seconds,
        given.threshold,
    )
    for field in ("ids", "labels", "scores", "predicted"):
        np.testing.assert_array_equal(getattr(back, field), getattr(given, field))
        assert getattr(back, field).dtype.kind == getattr(given, field).dtype.kind


def test_the_table_names_what_is_shown_and_what_was_said() -> None:
    frame = several().to_frame()
    assert frame["label"].tolist() == ["bird|dog", "", "cat"]
    assert frame["predicted"].tolist() == ["bird", "", "bird|cat"]
    assert frame["label_bird"].tolist() == [1, 0, -1]


def test_one_of_several_labels_is_a_question_to_the_images_that_count() -> None:
    binary = several().as_binary("bird")
    assert not binary.multi_label
    assert binary.class_names == ("rest", "bird")
    assert binary.ids.tolist() == ["001", "002"]
    assert binary.labels.tolist() == [1, 0]
    assert binary.predicted.tolist() == [1, 0]
    np.testing.assert_allclose(binary.scores, [[0.1, 0.9], [0.8, 0.2]], rtol=1e-6)
    machine = several(threshold=0.0).as_binary("dog")
    np.testing.assert_array_equal(machine.scores[:, 0], -machine.scores[:, 1])
    assert machine.predicted.tolist() == [1, 1, 1]


def test_several_labels_called_rest_and_something_are_still_several() -> None:
    two = several(
        class_names=("rest", "dog"), labels=[[1, 1], [0, 1], [1, 0]], scores=np.full((3, 2), 0.7)
    )
    assert two.as_binary("dog").labels.tolist() == [1, 1, 0]
