"""Curves of how well classifiers rank images: ROC, and precision against recall."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graft.evaluation.figures.style import (
    GREY,
    SMALL,
    colour,
    in_percent,
    line_style,
    new_figure,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANELS_A_ROW = 3


def roc_curves(metrics: Mapping[str, Mapping[str, Any]]) -> Figure:
    """ROC curves, with the area under each and its interval in the legend.

    Args:
        metrics: For each method the result of `classification_metrics`. A method without a curve
            (of two classes, the images show but one) is named in the legend.
    """
    figure = new_figure(4.8, 5.0)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1, label="chance, area 0.500")
    for position, (method, measured) in enumerate(metrics.items()):
        _draw_curve(axes, measured, ("roc_curve", "fpr", "tpr"), "roc_auc", method, position)
    tidy(
        axes,
        title=f"ROC: {_question(metrics)} against the rest",
        x="other images taken for it (false positive rate)",
        y="its images found (true positive rate)",
        grid="both",
    )
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.legend(loc="lower right", fontsize=SMALL, frameon=True, framealpha=0.95, edgecolor="none")
    return figure


def precision_recall_curves(metrics: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Precision against recall, with the average precision and its interval in the legend.

    Of single labels all methods share one panel. Of several labels each has a panel of its own,
    with a thin curve for each class and the mean average precision in the legend.

    Args:
        metrics: For each method the result of `classification_metrics`, of the same task.
    """
    if not any("per_class_curves" in measured for measured in metrics.values()):
        figure = new_figure(4.8, 5.2)
        axes = figure.subplots()
        for position, (method, measured) in enumerate(metrics.items()):
            _draw_precision_recall(axes, measured, method, position)
        _finish_precision_recall(axes, f"Precision and recall: {_question(metrics)}")
        return figure
    columns = min(_PANELS_A_ROW, len(metrics))
    rows = -(-len(metrics) // columns)
    figure = new_figure(3.7 * columns, 4.2 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(metrics) :]:
        axes.set_axis_off()
    for position, (method, measured) in enumerate(metrics.items()):
        axes = panels[position]
        mean = in_brackets(measured["mean_average_precision"])
        for curve in measured["per_class_curves"].values():
            axes.plot(curve["recall"], curve["precision"], color=GREY, linewidth=0.7, alpha=0.5)
        axes.plot([], [], color=GREY, linewidth=0.7, label=f"each class, mAP {mean}")
        _draw_precision_recall(axes, measured, "all classes pooled", position)
        if (chance := measured["prevalence_baseline"]) is not None:
            axes.axhline(chance, color=GREY, linestyle=":", label=f"chance, mAP {chance:.3f}")
        _finish_precision_recall(axes, method)
    return figure


def in_brackets(interval: Mapping[str, float | None]) -> str:
    """A score and its interval, "0.812 [0.790, 0.833]"."""
    if interval["low"] is None or interval["high"] is None:
        return "undefined" if interval["value"] is None else f"{interval['value']:.3f}"
    return f"{interval['value']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]"


def _draw_precision_recall(
    axes: Axes, measured: Mapping[str, Any], label: str, position: int
) -> None:
    curve = ("precision_recall_curve", "recall", "precision")
    _draw_curve(axes, measured, curve, "average_precision", label, position)


def _draw_curve(
    axes: Axes,
    measured: Mapping[str, Any],
    curve: tuple[str, str, str],
    area: str,
    label: str,
    position: int,
) -> None:
    """One line from the keys (curve, x, y) of metrics, the area under it in the legend."""
    name, x, y = curve
    if name not in measured:
        axes.plot([], [], linestyle="none", label=f"{label}, no images of one of two classes")
        return
    axes.plot(
        measured[name][x],
        measured[name][y],
        color=colour(position),
        linestyle=line_style(position),
        linewidth=1.8,
        label=f"{label}, {in_brackets(measured[area])}",
    )


def _finish_precision_recall(axes: Axes, title: str) -> None:
    x, y = "images found (recall)", "claims that are right (precision)"
    tidy(axes, title=title, x=x, y=y, grid="both")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    in_percent(axes, "x")
    in_percent(axes, "y")
    # Good curves keep to one corner and bad ones to the other, so there is room only below.
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.16), fontsize=SMALL, frameon=False)


def _question(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """The positive class, or "every class"."""
    asked = [measured.get("positive_class") for measured in metrics.values()]
    return next(filter(None, asked), "every class")
