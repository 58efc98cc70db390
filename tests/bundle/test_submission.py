"""A submission has a competition's columns, a row for each usable image, and no row twice."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from graft.bundle.submission import SubmissionFormat, submission_table
from graft.errors import GraftError

PREDICTIONS = pd.DataFrame(
    {
        "id": ["a/7.jpg", "8.tar.png", "bad.png"],
        "label": ["cat|dog", "", ""],
        "probability_cat": [0.9, 0.25, float("nan")],
        "probability_dog": [0.8, 0.5, float("nan")],
        "error": ["", "", "empty file"],
    }
)


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ("stem", ["7", "8.tar"]),
        ("name", ["7.jpg", "8.tar.png"]),
        ("path", ["a/7.jpg", "8.tar.png"]),
    ],
)
def test_ids_are_what_a_competition_calls_its_images(wanted: Any, ids: list[str]) -> None:
    table = submission_table(PREDICTIONS, SubmissionFormat(id=wanted, id_column="ImageId"))
    assert list(table) == ["ImageId", "label"]
    assert table["ImageId"].tolist() == ids


def test_several_labels_stand_in_one_column_with_what_separates_them() -> None:
    wanted = SubmissionFormat(label_column="Tags", label_separator=" ")
    assert submission_table(PREDICTIONS, wanted)["Tags"].tolist() == ["cat dog", ""]


def test_without_a_label_column_there_is_one_of_probabilities_for_each_class() -> None:
    table = submission_table(PREDICTIONS, SubmissionFormat(label_column=None))
    assert table.to_csv(index=False) == "id,cat,dog\n7,0.9,0.8\n8.tar,0.25,0.5\n"


def test_images_that_could_not_be_used_are_left_out_and_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert len(submission_table(PREDICTIONS, SubmissionFormat())) == 2
    assert "lacks 1 of 3 images" in caplog.text


def test_two_images_of_one_id_are_refused() -> None:
    twice = PREDICTIONS.assign(id=["a/7.jpg", "b/7.jpg", "c/9.jpg"])
    with pytest.raises(GraftError, match=r"id '7'.*submission\.id"):
        submission_table(twice, SubmissionFormat())
    assert len(submission_table(twice, SubmissionFormat(id="path"))) == 2


def test_a_machine_has_no_columns_of_probabilities() -> None:
    scores = PREDICTIONS.rename(columns=lambda name: name.replace("probability", "score"))
    with pytest.raises(GraftError, match="support vector machine has none"):
        submission_table(scores, SubmissionFormat(label_column=None))
