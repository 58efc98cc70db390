"""Curves: of training, epoch by epoch, and of ranking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graft.evaluation.figures.style import (
    GREY,
    INK,
    SMALL,
    TEXT,
    colour,
    in_percent,
    new_figure,
    tidy,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FEW_EPOCHS = 30  # up to so many epochs each gets a marker
_RING: dict[str, Any] = {
    "marker": "o",
    "markersize": 8,
    "markerfacecolor": "none",
    "markeredgewidth": 1.5,
}


def training_curves(histories: Mapping[str, pd.DataFrame]) -> Figure:
    """Loss and accuracy by epoch: training dashed, validation solid, the best epoch ringed.

    A gap between the two is variance, both being low is bias; that is what these are drawn for.

    Args:
        histories: For each method a frame with columns epoch, train_loss, train_accuracy and, if
            there was a validation part, validation_loss and validation_accuracy; NaN where an
            epoch was not measured.
    """
    figure = new_figure(9.0, 3.8)
    loss, accuracy = figure.subplots(1, 2)
    for position, history in enumerate(histories.values()):
        for axes, quantity in ((loss, "loss"), (accuracy, "accuracy")):
            _draw_history(axes, history, quantity, position)
        _ring_best(accuracy, history, position)
    tidy(loss, title="Loss", x="epoch")
    tidy(accuracy, title="Accuracy", x="epoch")
    in_percent(accuracy, "y")
    loss.set_ylim(bottom=0)
    for axes in (loss, accuracy):
        axes.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(
        handles=_history_legend(histories),
        loc="outside lower center",
        ncols=6,
        frameon=False,
        fontsize=TEXT,
    )
    return figure


def roc_curves(metrics: Mapping[str, Mapping[str, Any]]) -> Figure:
    """ROC curves, with the area under each and its interval in the legend.

    Args:
        metrics: For each method the result of `classification_metrics`. A method without a curve
            (of two classes, the images show but one) is named in the legend.
    """
    figure = new_figure(4.8, 5.0)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1, label="chance, area 0.500")
    styles = ("-", "--", "-.", (0, (1, 1)))
    positive = None
    for position, (method, measured) in enumerate(metrics.items()):
        if "roc_curve" not in measured:
            axes.plot([], [], linestyle="none", label=f"{method}, no images of one of two classes")
            continue
        curve, area = measured["roc_curve"], measured["roc_auc"]
        positive = measured["positive_class"]
        axes.plot(
            curve["fpr"],
            curve["tpr"],
            color=colour(position),
            linestyle=styles[position % len(styles)],
            linewidth=1.8,
            label=f"{method}, {area['value']:.3f} [{area['low']:.3f}, {area['high']:.3f}]",
        )
    tidy(
        axes,
        title=f"ROC: {positive or 'every class'} against the rest",
        x="other images taken for it (false positive rate)",
        y="its images found (true positive rate)",
        grid="both",
    )
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.legend(loc="lower right", fontsize=SMALL, frameon=True, framealpha=0.95, edgecolor="none")
    return figure


def _draw_history(axes: Axes, history: pd.DataFrame, quantity: str, position: int) -> None:
    marked = "." if len(history) <= _FEW_EPOCHS else ""
    for part, dashes, width in (("train", "--", 1.1), ("validation", "-", 1.8)):
        column = f"{part}_{quantity}"
        if column in history:
            measured = history[["epoch", column]].dropna()
            axes.plot(
                measured["epoch"],
                measured[column],
                linestyle=dashes,
                linewidth=width,
                marker=marked,
                markersize=4,
                color=colour(position),
            )


def _ring_best(axes: Axes, history: pd.DataFrame, position: int) -> None:
    if "validation_accuracy" not in history or history["validation_accuracy"].isna().all():
        return
    best = history.loc[history["validation_accuracy"].idxmax()]
    axes.plot(
        best["epoch"],
        best["validation_accuracy"],
        **_RING,
        color=colour(position),
    )


def _history_legend(histories: Mapping[str, pd.DataFrame]) -> list[Any]:
    from matplotlib.lines import Line2D

    methods = [
        Line2D([], [], color=colour(position), linewidth=3, label=method)
        for position, method in enumerate(histories)
    ]
    parts = [Line2D([], [], color=INK, linestyle="--", linewidth=1.1, label="training")]
    if any("validation_accuracy" in history for history in histories.values()):
        parts += [
            Line2D([], [], color=INK, linestyle="-", linewidth=1.8, label="validation"),
            Line2D([], [], color=INK, linestyle="", label="best epoch", **_RING),
        ]
    return methods + parts
