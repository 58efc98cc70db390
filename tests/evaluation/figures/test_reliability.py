"""Reliability diagrams."""

from __future__ import annotations

import numpy as np
import pytest

from graft.evaluation import figures

from .drawing import drawn, texts

BINS = {"confidence": [None, 0.5, 0.9], "accuracy": [None, 0.6, 0.7], "count": [0, 25, 75]}


def test_points_stand_where_the_filled_bins_are_and_bars_are_shares_of_images() -> None:
    figure = drawn(figures.reliability_diagrams({"network": {"reliability": BINS}}))
    (axes,) = figure.axes
    curve = axes.lines[1]
    np.testing.assert_array_equal(curve.get_xydata(), [[0.5, 0.6], [0.9, 0.7]])
    assert [bar.get_height() for bar in axes.patches] == [0, 0.25, 0.75]
    # 25 images at 0.1 from what they say, 75 at 0.2.
    assert "network\ncalibration error 17.5 %" in texts(figure)


def test_the_calibration_error_of_the_metrics_is_the_one_that_is_shown() -> None:
    measured = {"reliability": BINS, "ece": {"value": 0.123, "low": 0.1, "high": 0.2}}
    assert "any\ncalibration error 12.3 %" in texts(figures.reliability_diagrams({"any": measured}))


@pytest.mark.parametrize("others", [1, 4, 5])
def test_methods_without_probabilities_have_no_panel(others: int) -> None:
    metrics = {"SVM": {}} | {f"method {k}": {"reliability": BINS} for k in range(others)}
    figure = drawn(figures.reliability_diagrams(metrics))
    shown = [axes.get_title(loc="left").split("\n")[0] for axes in figure.axes if axes.lines]
    assert shown == [f"method {k}" for k in range(others)]


def test_no_probabilities_at_all_are_said_in_words() -> None:
    (words,) = texts(drawn(figures.reliability_diagrams({"SVM": {}})))
    assert "no method gives probabilities" in words
