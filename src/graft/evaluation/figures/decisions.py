"""What was decided on each class of several labels, legible up to 100 classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from graft.evaluation.figures.style import (
    COLOURS,
    FAINT,
    INK,
    SMALL,
    TEXT,
    TITLE,
    in_percent,
    legend_below,
    new_figure,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROOMY = 40  # up to so many classes are written in full size
_RIGHT, _FALSE, _MISSED = COLOURS[0], COLOURS[5], FAINT


def decisions_by_class(metrics: Mapping[str, Any], title: str) -> Figure:
    """A row for each class: how many claims are right, and how much of the class was found.

    The left half is of the images that the class was claimed of (its blue part is the precision),
    the right half of those that show it (its blue part is the recall). Rare and frequent classes
    are equally long; beside the bars stand the numbers of images.

    Args:
        metrics: The result of `classification_metrics`, multi-label.
        title: Of the figure.
    """
    names = metrics["class_names"]
    rows = [metrics["per_class"][name] for name in names]
    found, missed, false_alarms = (
        np.array([row[key] for row in rows], dtype=float)
        for key in ("found", "missed", "false_alarms")
    )
    roomy = len(names) <= _ROOMY
    figure = new_figure(8.6, 1.3 + (0.24 if roomy else 0.17) * len(names))
    claimed, shown = figure.subplots(1, 2, sharey=True)
    _draw_shares(claimed, found, false_alarms, _FALSE, "right")
    _draw_shares(shown, found, missed, _MISSED, "left")
    tidy(claimed, x="of the images it was claimed of", grid="x")
    tidy(shown, x="of the images that show it", grid="x")
    claimed.invert_xaxis()
    for axes in (claimed, shown):
        in_percent(axes, "x")
        axes.spines[:].set_visible(False)
        axes.tick_params(axis="y", length=0)
    small = TEXT if roomy else SMALL
    # The pad leaves the numbers room between the names and the bars.
    longest = max(len(text.get_text()) for text in claimed.texts)
    claimed.tick_params(axis="y", pad=0.6 * SMALL * longest + 6, labelsize=small)
    claimed.set_yticks(range(len(names)), names)
    claimed.set_ylim(len(names) - 0.4, -0.6)
    figure.suptitle(title, fontsize=TITLE, color=INK, x=0.01, ha="left")
    _add_legend(figure)
    return figure


def _draw_shares(
    axes: Axes,
    right: np.ndarray,
    wrong: np.ndarray,
    wrong_colour: str,
    alignment: Literal["left", "right"],
) -> None:
    """Bars from 0 to 100 %, first the right ones; at their ends "right of all"."""
    places, everything = np.arange(len(right)), right + wrong
    share = right / np.maximum(everything, 1)
    rest = (everything > 0) - share
    axes.barh(places, share, 0.8, color=_RIGHT)
    axes.barh(places, rest, 0.8, left=share, color=wrong_colour)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    for place, part, whole in zip(places, right, everything, strict=True):
        axes.annotate(
            f"{part:,.0f} of {whole:,.0f}",
            (1, place),
            xytext=(4 if alignment == "left" else -4, 0),
            textcoords="offset points",
            fontsize=SMALL,
            color=INK,
            ha=alignment,
            va="center_baseline",
            annotation_clip=False,
        )


def _add_legend(figure: Figure) -> None:
    from matplotlib.patches import Patch

    legend_below(
        figure,
        handles=[
            Patch(color=_FALSE, label="false alarms"),
            Patch(color=_RIGHT, label="claimed and shown"),
            Patch(color=_MISSED, label="missed"),
        ],
    )
