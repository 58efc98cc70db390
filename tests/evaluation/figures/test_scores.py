"""Scores of methods and classes."""

from __future__ import annotations

import numpy as np
import pytest

from graft.evaluation import Predictions, comparison_table, figures

from .drawing import SETTINGS, drawn, measured, measured_labels, predictions, several, texts


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_per_class_bars_have_the_height_of_the_accuracy(classes: int) -> None:
    metrics = measured(classes)
    figure = drawn(figures.per_class_scores({"one": metrics, "two": metrics}))
    bars = figure.axes[0].patches
    assert len(bars) == 2 * classes
    upright = classes <= 15
    lengths = [bar.get_height() if upright else bar.get_width() for bar in bars[:classes]]
    accuracies = [row["accuracy"] for row in metrics["per_class"].values()]
    np.testing.assert_array_equal(lengths, np.array(accuracies, dtype=float))


@pytest.mark.parametrize("classes", [3, 30])
def test_per_class_bars_of_several_labels_have_the_height_of_the_average_precision(
    classes: int,
) -> None:
    metrics = measured_labels(classes)
    figure = drawn(figures.per_class_scores({"one": metrics}))
    bars = figure.axes[0].patches
    lengths = [bar.get_height() if classes <= 15 else bar.get_width() for bar in bars]
    expected = [row["average_precision"] for row in metrics["per_class"].values()]
    np.testing.assert_array_equal(lengths, np.array(expected, dtype=float))
    assert "Average precision by class" in texts(figure)


def test_comparison_of_several_labels_is_of_mean_average_precision() -> None:
    table = comparison_table([several(4, "first"), several(4, "second")], {}, **SETTINGS)
    figure = drawn(figures.comparison(table))
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["first", "second"]
    baseline = table["mean_average_precision"].iloc[-1]
    assert axes.lines[0].get_xdata() == pytest.approx([baseline] * 2)
    assert axes.get_xlabel() == "mean average precision on the test images, with interval"
    assert any(t.endswith(f"class prevalence {100 * baseline:.1f} %") for t in texts(figure))


def test_comparison_puts_the_first_method_on_top_and_the_baseline_as_a_line() -> None:
    methods = [predictions(3, name="first"), predictions(3, name="second")]
    table = comparison_table(methods, {}, **SETTINGS)
    figure = drawn(figures.comparison(table))
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["first", "second"]
    assert axes.yaxis_inverted()
    baseline = axes.lines[0].get_xdata()
    assert baseline == pytest.approx([table["accuracy"].iloc[-1]] * 2)


def test_a_baseline_far_below_is_off_the_scale_so_that_intervals_can_be_seen() -> None:
    labels = np.arange(400) % 20
    right = np.eye(20)[labels] * 0.9 + 0.005
    names = tuple(f"class {k}" for k in range(20))
    good = Predictions("good", np.arange(400), labels, right, names, 0.0)
    table = comparison_table([good], {}, **SETTINGS)
    figure = drawn(figures.comparison(table))
    low, high = figure.axes[0].get_xlim()
    assert low > 0.9 > 0.05 == table["accuracy"].iloc[-1]
    assert high >= 1
    assert "← majority class 5.0 %" in texts(figure)
