"""Figures of a sweep's trials."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graft.evaluation.figures.sweep import (
    optimization_history,
    parameter_correlations,
    parameter_importances,
)

TRIALS = pd.DataFrame(
    {
        "number": range(5),
        "state": ["complete", "pruned", "complete", "failed", "complete"],
        "value": [0.5, 0.2, 0.7, np.nan, 0.6],
        "deviation": [np.nan, np.nan, 0.05, np.nan, np.nan],
    }
)


@pytest.mark.parametrize(("minimise", "best"), [(False, [0.5, 0.7, 0.7]), (True, [0.5, 0.5, 0.5])])
def test_the_best_so_far_only_ever_gets_better(minimise: bool, best: list[float]) -> None:
    figure = optimization_history(TRIALS, "validation accuracy", minimise=minimise)
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert list(lines["best so far"].get_ydata()) == best
    assert len(lines["failed: no value"].get_xdata()) == 1
    figure.canvas.draw()


def test_bars_stand_in_the_order_of_importance() -> None:
    table = pd.DataFrame({"parameter": ["rate", "size"], "importance": [0.8, 0.2]})
    axes = parameter_importances(table).axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["rate", "size"]
    assert [bar.get_width() for bar in axes.patches] == [0.8, 0.2]


def test_the_strongest_correlation_is_at_the_top_whatever_its_sign() -> None:
    table = pd.DataFrame(
        {
            "parameter": ["size", "rate"],
            "correlation": [0.2, -0.58],
            "low": [np.nan, -0.8],
            "high": [np.nan, -0.2],
            "trials": 30,
        }
    )
    figure = parameter_correlations(table, "validation accuracy")
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == ["rate", "size"]
    figure.canvas.draw()


@pytest.mark.parametrize(
    "figure",
    [
        lambda: optimization_history(TRIALS.iloc[3:4], "accuracy"),
        lambda: parameter_importances(pd.DataFrame(columns=["parameter", "importance"])),
        lambda: parameter_correlations(pd.DataFrame(), "accuracy"),
    ],
)
def test_where_there_is_nothing_to_draw_it_says_so(figure) -> None:
    assert figure().axes == []
