"""Curves of training, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graft.evaluation.figures.style import (
    INK,
    colour,
    in_percent,
    legend_below,
    marker,
    new_figure,
    tidy,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKED = 30  # so many epochs at most get a marker
_RING: dict[str, Any] = {
    "marker": "o",
    "markersize": 8,
    "markerfacecolor": "none",
    "markeredgewidth": 1.5,
}


def training_curves(histories: Mapping[str, pd.DataFrame]) -> Figure:
    """Loss and accuracy by epoch: training dashed, validation solid, the best epoch ringed.

    A gap between the two is variance, both being low is bias; that is what these are drawn for.
    Where images show several classes, the validation images' mean average precision takes the place
    of accuracy.

    Args:
        histories: For each method a frame with columns epoch, train_loss, train_accuracy and, if
            there was a validation part, validation_loss, validation_accuracy and, of several
            labels, validation_mean_average_precision; NaN where an epoch was not measured.
    """
    figure = new_figure(9.0, 3.8)
    loss, score = figure.subplots(1, 2)
    measure = "accuracy"
    if any("validation_mean_average_precision" in history for history in histories.values()):
        measure = "mean_average_precision"
    for position, history in enumerate(histories.values()):
        for axes, quantity in ((loss, "loss"), (score, measure)):
            _draw_history(axes, history, quantity, position)
        _ring_best(score, history, f"validation_{measure}", position)
    tidy(loss, title="Loss", x="epoch")
    tidy(score, title=measure.replace("_", " ").capitalize(), x="epoch")
    in_percent(score, "y")
    loss.set_ylim(bottom=0)
    for axes in (loss, score):
        axes.xaxis.get_major_locator().set_params(integer=True)
    legend_below(figure, handles=_history_legend(histories))
    return figure


def _draw_history(axes: Axes, history: pd.DataFrame, quantity: str, position: int) -> None:
    for part, dashes, width in (("train", "--", 1.1), ("validation", "-", 1.8)):
        column = f"{part}_{quantity}"
        if column in history:
            measured = history[["epoch", column]].dropna()
            axes.plot(
                measured["epoch"],
                measured[column],
                linestyle=dashes,
                linewidth=width,
                marker=marker(position),
                markevery=-(-len(measured) // _MARKED) or None,
                markersize=4,
                color=colour(position),
            )


def _ring_best(axes: Axes, history: pd.DataFrame, column: str, position: int) -> None:
    if column not in history or history[column].isna().all():
        return
    best = history.loc[history[column].idxmax()]
    axes.plot(
        best["epoch"],
        best[column],
        **_RING,
        color=colour(position),
    )


def _history_legend(histories: Mapping[str, pd.DataFrame]) -> list[Any]:
    from matplotlib.lines import Line2D

    methods = [
        Line2D([], [], color=colour(position), marker=marker(position), linewidth=2, label=method)
        for position, method in enumerate(histories)
    ]
    parts = [Line2D([], [], color=INK, linestyle="--", linewidth=1.1, label="training")]
    if any("validation_accuracy" in history for history in histories.values()):
        parts += [
            Line2D([], [], color=INK, linestyle="-", linewidth=1.8, label="validation"),
            Line2D([], [], color=INK, linestyle="", label="best epoch", **_RING),
        ]
    return methods + parts
