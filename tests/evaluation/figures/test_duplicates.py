"""Pairs of duplicates."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graft.evaluation import figures

from .drawing import drawn, texts


def pair_table(rows: list[tuple[int, str, str, bool, bool, int]]) -> pd.DataFrame:
    columns = ["group", "id_a", "id_b", "across_splits", "labels_differ", "distance"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(
        label_a="cat",
        label_b=np.where(table["labels_differ"], "dog", "cat"),
        split_a="train",
        split_b=np.where(table["across_splits"], "test", "train"),
        kind=np.where(table["distance"] == 0, "exact", "near"),
        mirrored=False,
    )


def test_duplicates_across_splits_come_first_and_one_of_each_group_before_a_second() -> None:
    rows = [
        (0, "a", "b", False, False, 0),
        (1, "c", "d", True, False, 9),
        (1, "c", "e", True, False, 10),
        (2, "f", "g", True, False, 20),
        (3, "h", "i", True, True, 30),
        (4, "j", "k", False, True, 3),
    ]
    position = {name: place for place, name in enumerate("abcdefghijk")}
    images = np.arange(11, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
    figure = drawn(figures.duplicate_pairs(images, position, pair_table(rows)))
    shown = [axes for axes in figure.axes if axes.images]
    order = ["abcdefghijk"[axes.images[0].get_array().max()] for axes in shown]  # type: ignore[union-attr]
    assert "".join(order) == "hicdfgcejkab"
    assert [axes.get_title() for axes in shown[:2]] == ["cat\ntrain", "dog\ntest"]
    assert shown[0].get_xlabel() == "near, 30 bits"
    assert shown[-2].get_xlabel() == "exact"
    assert "6 pairs of duplicates, 4 of them across splits" in texts(figure)
    few = figures.duplicate_pairs(images, position, pair_table(rows), limit=2)
    assert sum(bool(axes.images) for axes in few.axes) == 4


def test_no_duplicates_are_said_in_words() -> None:
    figure = drawn(figures.duplicate_pairs(np.zeros((2, 4, 4, 3), np.uint8), {}, pair_table([])))
    assert texts(figure) == ["no duplicates found among 2 images"]
