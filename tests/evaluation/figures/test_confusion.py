"""Confusion matrices, and decisions on several labels, of any number of classes."""

from __future__ import annotations

import numpy as np
import pytest

from graft.evaluation import Predictions, classification_metrics, figures

from .drawing import SETTINGS, drawn, measured, measured_labels, texts


@pytest.mark.parametrize("classes", [2, 10, 30, 100])
def test_confusion_matrices_of_any_size_are_drawn(classes: int) -> None:
    figure = drawn(figures.confusion_matrix(measured(classes), "A title"))
    shown = texts(figure)
    assert "A title" in shown
    assert f"class {classes - 1}" in shown


def test_small_confusion_matrices_show_counts_shares_and_intervals() -> None:
    metrics = measured(2)
    cells = metrics["confusion_matrix"]
    count, rate = cells["counts"][0][1], 100 * cells["rates"][0][1]
    low, high = 100 * cells["low"][0][1], 100 * cells["high"][0][1]
    wanted = f"{count}\n{rate:.1f} %\n[{low:.1f}, {high:.1f}]"
    assert wanted in texts(figures.confusion_matrix(metrics, ""))


def test_classes_without_test_images_are_drawn() -> None:
    absent = Predictions("any", ["a", "b"], [0, 0], np.eye(3)[:2], tuple("xyz"), 0.0)
    metrics = classification_metrics(absent, **SETTINGS)
    drawn(figures.confusion_matrix(metrics, "one class only"))
    drawn(figures.per_class_scores({"any": metrics}))


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_decisions_on_several_labels_are_drawn_for_each_class(classes: int) -> None:
    metrics = measured_labels(classes)
    figure = drawn(figures.confusion_matrix(metrics, "A title"))
    claimed, shown = figure.axes
    row = metrics["per_class"]["class 0"]
    found, claims = row["found"], row["found"] + row["false_alarms"]
    assert claimed.patches[0].get_width() == pytest.approx(row["precision"])
    assert shown.patches[0].get_width() == pytest.approx(row["recall"])
    assert claimed.texts[0].get_text() == f"{found} of {claims}"
    assert shown.texts[0].get_text() == f"{found} of {row['support']}"
    # A class that no image shows has no bar on that side.
    assert shown.texts[-1].get_text() == "0 of 0"
    assert [bar.get_width() for bar in shown.patches[classes - 1 :: classes]] == [0, 0]
    assert {"A title", f"class {classes - 1}", "false alarms", "missed"} <= set(texts(figure))
