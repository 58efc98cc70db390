"""Scores over the number of labelled images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graft.evaluation.figures.style import (
    TEXT,
    colour,
    in_percent,
    line_style,
    marker,
    new_figure,
    tidy,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def learning_curves(table: pd.DataFrame, points: pd.DataFrame, measure: str) -> Figure:
    """The test score, and the gap to the training images, by method.

    Lines are means over seeds, bands their deviation, small points single trainings.

    Args:
        table: The result of `graft.evaluation.learning_curves.summarise`.
        points: What it was made of.
        measure: What the score is called.
    """
    figure = new_figure(9.0, 3.8)
    score, gap = figure.subplots(1, 2)
    for position, method in enumerate(table["method"].unique()):
        rows = table[table["method"] == method]
        single = points[points["method"] == method]
        _draw(score, rows, "test", position, label=method)
        _draw(gap, rows, "gap", position)
        for axes, values in ((score, single["test"]), (gap, single["train"] - single["test"])):
            axes.plot(
                single["train_images"],
                values,
                marker(position),
                markersize=3,
                color=colour(position),
                alpha=0.4,
            )
    words = measure.replace("_", " ")
    tidy(score, title=f"{words.capitalize()} on the test images", x="labelled training images")
    tidy(gap, title="Gap: training minus test images", x="labelled training images")
    sizes = sorted(table["train_images"].unique())
    for axes in (score, gap):
        axes.set_xscale("log")
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.minorticks_off()
        in_percent(axes, "y")
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=TEXT)
    return figure


def _draw(axes: Axes, rows: pd.DataFrame, quantity: str, position: int, label: str = "") -> None:
    mean, spread = rows[quantity], rows[f"{quantity}_deviation"].fillna(0)
    axes.fill_between(
        rows["train_images"],
        mean - spread,
        mean + spread,
        color=colour(position),
        alpha=0.15,
        linewidth=0,
    )
    axes.plot(
        rows["train_images"],
        mean,
        color=colour(position),
        linestyle=line_style(position),
        marker=marker(position),
        markersize=5,
        label=label or None,
    )
