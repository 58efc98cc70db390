"""Features of images as points of a plane, coloured by class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from graft.evaluation.figures.images import shorten
from graft.evaluation.figures.style import (
    COLOURS,
    GREY,
    INK,
    MARKERS,
    SMALL,
    TITLE,
    legend_below,
    new_figure,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from graft.evaluation.explanation.feature_map import FeatureMap

_NAMED = 30  # up to so many classes are named


def feature_map(
    found: FeatureMap, labels: np.ndarray, class_names: Sequence[str], heading: str
) -> Figure:
    """Principal components beside t-SNE; each class has a colour and a marker of its own.

    Up to 30 classes are named, beside the middle of their points and in a legend. Classes that lie
    apart here can be told apart by a simple classifier; the reverse does not hold.

    Args:
        found: The points, of N images.
        labels: int (N,), classes; -1 (grey) for what shows none or several.
        class_names: K names.
        heading: Over both.
    """
    named = len(class_names) <= _NAMED
    figure = new_figure(9.6, 5.3 if named else 4.8)
    left, right = figure.subplots(1, 2)
    _draw_points(left, found.components, labels, class_names, named)
    _draw_points(right, found.neighbours, labels, class_names, named)
    x, y = (f"component {k}, {100 * share:.0f} % of the variance"
            for k, share in enumerate(found.explained, 1))  # fmt: skip
    tidy(left, title="Principal components", x=x, y=y, grid="both")
    tidy(right, title="t-SNE: who is next to whom", grid="both")
    right.set(xticklabels=[], yticklabels=[])
    right.tick_params(length=0)
    figure.suptitle(heading, fontsize=TITLE, color=INK, x=0.01, ha="left")
    if named:
        legend_below(figure, handles=_legend(labels, class_names))
    return figure


def _look(k: int) -> tuple[str, str]:
    """Colour and marker of a class: 49 pairs before they repeat."""
    return COLOURS[k % len(COLOURS)], MARKERS[(k + k // len(COLOURS)) % len(MARKERS)]


def _draw_points(
    axes: Axes, points: np.ndarray, labels: np.ndarray, class_names: Sequence[str], named: bool
) -> None:
    from matplotlib.patheffects import withStroke

    others = points[labels < 0]
    axes.scatter(others[:, 0], others[:, 1], s=8, color=GREY, alpha=0.4, linewidths=0)
    for k, name in enumerate(class_names):
        of_class = points[labels == k]
        if not len(of_class):
            continue
        colour, marker = _look(k)
        axes.scatter(
            of_class[:, 0], of_class[:, 1], s=13, color=colour, marker=marker, alpha=0.75,
            edgecolors="white", linewidths=0.25,
        )  # fmt: skip
        if named:
            x, y = np.median(of_class, axis=0)
            text = axes.text(
                x, y, shorten(name), fontsize=SMALL, color=INK, ha="center", va="center",
                weight="bold",
            )  # fmt: skip
            text.set_path_effects([withStroke(linewidth=2.5, foreground="white", alpha=0.9)])


def _legend(labels: np.ndarray, class_names: Sequence[str]) -> list[object]:
    from matplotlib.lines import Line2D

    handles: list[object] = []
    for k, name in enumerate(class_names):
        colour, marker = _look(k)
        handles.append(
            Line2D([], [], color=colour, marker=marker, linestyle="", markersize=5,
                   label=shorten(name))
        )  # fmt: skip
    if (labels < 0).any():
        handles.append(
            Line2D([], [], color=GREY, marker="o", linestyle="", markersize=3,
                   label="none or several")
        )  # fmt: skip
    return handles
