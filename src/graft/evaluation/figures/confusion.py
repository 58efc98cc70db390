"""What was decided for which class: the confusion matrix as a heat map, from 2 to 100 classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.evaluation.figures.decisions import decisions_by_class
from graft.evaluation.figures.style import FAINT, INK, SMALL, TEXT, TITLE, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WITH_INTERVALS = 4  # up to so many classes a cell has room for its interval
_WITH_TEXT = 20  # up to so many classes a cell has room for its numbers


def confusion_matrix(metrics: Mapping[str, Any], title: str) -> Figure:
    """Shares of each true class as colour; in the cells their counts and percentages.

    Up to 4 classes the cells also show the interval of the share; above 20 they show colour
    alone, on a scale that stretches small shares, so that rare confusions can be seen. Of several
    labels nothing is confused with something else: then this is `decisions_by_class`.

    Args:
        metrics: The result of `classification_metrics`.
        title: Of the figure.
    """
    if metrics["multi_label"]:
        return decisions_by_class(metrics, title)
    from matplotlib import colormaps
    from matplotlib.colors import PowerNorm

    names = metrics["class_names"]
    rates = np.array(metrics["confusion_matrix"]["rates"], dtype=float)
    classes = len(names)
    side = _side(classes)
    figure = new_figure(side + 1.6, side + 0.9)
    axes = figure.subplots()
    gamma = 1.0 if classes <= _WITH_TEXT else 0.5
    blues = colormaps["Blues"].with_extremes(bad=FAINT)  # bad: classes without test images
    shown = axes.imshow(rates, cmap=blues, norm=PowerNorm(gamma, vmin=0, vmax=1))
    if classes <= _WITH_TEXT:
        _write_cells(axes, metrics["confusion_matrix"], rates)
    _name_classes(axes, names, small=_label_size(classes))
    axes.set_title(title, fontsize=TITLE, color=INK, loc="left")
    bar = figure.colorbar(shown, ax=axes, shrink=0.8, aspect=30, pad=0.02)
    bar.set_ticks([0, 0.01, 0.05, 0.1, 0.25, 0.5, 1] if gamma < 1 else [0, 0.25, 0.5, 0.75, 1])
    bar.ax.set_yticklabels([f"{100 * share:g} %" for share in bar.get_ticks()])
    bar.ax.tick_params(labelsize=SMALL, colors=INK, length=2)
    bar.outline.set_visible(False)
    bar.set_label("share of the true class", fontsize=TEXT, color=INK)
    return figure


def _side(classes: int) -> float:
    """Inches of the square: 0.55 a class, but enough for two and not absurd for a hundred."""
    return min(max(3.2, 0.55 * classes), 13.0)


def _label_size(classes: int) -> float:
    """Points that fit between two neighbouring rows."""
    return min(TEXT, 0.8 * 72 * _side(classes) / classes)


def _write_cells(axes: Axes, confusion: Mapping[str, Any], rates: np.ndarray) -> None:
    classes = len(rates)
    size = TEXT if classes <= _WITH_INTERVALS else SMALL if classes <= 12 else SMALL - 1.5
    for (row, column), rate in np.ndenumerate(rates):
        count = confusion["counts"][row][column]
        if count == 0 and classes > _WITH_INTERVALS:
            continue  # an empty cell says it better than a zero
        lines = [f"{count:,}"]
        if not np.isnan(rate):
            lines.append(f"{100 * rate:.1f} %" if classes <= 12 else f"{100 * rate:.0f} %")
            if classes <= _WITH_INTERVALS:
                low, high = confusion["low"][row][column], confusion["high"][row][column]
                lines.append(f"[{100 * low:.1f}, {100 * high:.1f}]")
        axes.text(
            column,
            row,
            "\n".join(lines),
            ha="center",
            va="center",
            fontsize=size,
            color="white" if rate > 0.55 else INK,
        )


def _name_classes(axes: Axes, names: list[str], small: float) -> None:
    positions = range(len(names))
    crowded = len(names) > 4 and max(map(len, names)) > 4
    axes.set_xticks(positions, names, rotation=90 if crowded else 0)
    axes.set_yticks(positions, names)
    axes.tick_params(labelsize=small, colors=INK, length=0)
    axes.set_xlabel("predicted class", fontsize=TEXT, color=INK)
    axes.set_ylabel("true class", fontsize=TEXT, color=INK)
    axes.spines[:].set_visible(False)
    edges = np.arange(1, len(names)) - 0.5
    axes.hlines(edges, -0.5, len(names) - 0.5, color=FAINT, linewidth=0.4)
    axes.vlines(edges, -0.5, len(names) - 0.5, color=FAINT, linewidth=0.4)
