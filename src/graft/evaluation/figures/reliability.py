"""Whether probabilities are what they say: reliability diagrams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.evaluation.figures.style import (
    FAINT,
    GREY,
    INK,
    TEXT,
    colour,
    in_percent,
    in_words,
    marker,
    new_figure,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PANELS_A_ROW = 4


def reliability_diagrams(metrics: Mapping[str, Mapping[str, Any]]) -> Figure:
    """For each method: of the images it was so sure of, how many are right?

    Guo et al. 2017. A point on the dotted diagonal says what it means; below it the method is too
    sure of itself. The grey bars are the shares of images in each bin, and large points stand for
    many images. Methods without probabilities (decision values of a support vector machine) have
    no panel.

    Args:
        metrics: For each method the result of `classification_metrics`; its key `reliability` has
            `confidence`, `accuracy` and `count`, a number for each bin (null or NaN in empty ones).
    """
    shown = {
        method: measured["reliability"]
        for method, measured in metrics.items()
        if sum(measured.get("reliability", {}).get("count", [])) > 0
    }
    if not shown:
        return in_words("no method gives probabilities: nothing to hold them against")
    rows = -(-len(shown) // _PANELS_A_ROW)
    columns = -(-len(shown) // rows)
    figure = new_figure(max(2.9 * columns, 3.6), 3.3 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    places = {method: position for position, method in enumerate(metrics)}
    for axes, (method, bins) in zip(panels, shown.items(), strict=False):
        confidence, right, count = (
            np.array(bins[key], dtype=float) for key in ("confidence", "accuracy", "count")
        )
        filled = count > 0
        edges = np.linspace(0, 1, len(count) + 1)
        axes.bar(edges[:-1], count / count.sum(), 1 / len(count), align="edge", color=FAINT)
        axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1.2)
        look = {"color": colour(places[method])}
        axes.plot(confidence[filled], right[filled], linewidth=1, alpha=0.6, **look)
        # Points of a few images, which lie anywhere by chance, are small.
        sizes = 8 + 60 * np.sqrt(count[filled] / count.sum())
        axes.scatter(
            confidence[filled], right[filled], sizes, marker=marker(places[method]), zorder=3,
            clip_on=False, **look,
        )  # fmt: skip
        error = _error(metrics[method], confidence, right, count)
        tidy(axes, x="how sure it is", y="how often it is right", grid="both")
        title = f"{method}\ncalibration error {100 * error:.1f} %"
        axes.set_title(title, fontsize=TEXT, color=INK, loc="left")
        ticks = [0, 0.25, 0.5, 0.75, 1]
        axes.set(xlim=(0, 1), ylim=(0, 1.01), aspect="equal", xticks=ticks, yticks=ticks)
        in_percent(axes, "x")
        in_percent(axes, "y")
    return figure


def _error(
    measured: Mapping[str, Any], confidence: np.ndarray, right: np.ndarray, count: np.ndarray
) -> float:
    """The expected calibration error of the metrics, or else of these bins."""
    if (known := measured.get("ece")) is not None:
        return float(known["value"] if isinstance(known, Mapping) else known)
    filled = count > 0
    gaps = np.abs(confidence - right)[filled]
    return float((gaps * count[filled]).sum() / count.sum())
