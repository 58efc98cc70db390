"""Many runs at once: a line for each through its parameters to its score."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.evaluation.figures.images import shorten
from graft.evaluation.figures.style import FAINT, GREY, INK, SMALL, TEXT, TITLE, new_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LOGARITHMIC = 50  # from this ratio of largest to smallest on, numbers stand on a logarithmic scale
_TICKS = 5


def parallel_coordinates(
    runs: pd.DataFrame, metric: str, parameters: Sequence[str] = (), title: str = ""
) -> Figure:
    """A vertical axis for each parameter and the metric last; a line for each run.

    Lines are coloured by the metric, dark to bright, the best one thick with markers; bright ones
    lie on top. Numbers that span more than a factor of 50 stand on a logarithmic scale; texts, and
    what is not always a number, in alphabetical order. Parameters that never vary have no axis.

    Args:
        runs: A row a run or trial.
        metric: The column that is to be large. Runs without it (NaN) are left out.
        parameters: The columns to draw, in this order; empty for all others.
        title: Of the figure.

    Raises:
        ValueError: No run has the metric.
    """
    known = runs[runs[metric].notna()].sort_values(metric, kind="stable").reset_index(drop=True)
    if known.empty:
        raise ValueError(f"no run has a value of {metric!r}")
    columns = [c for c in (parameters or runs.columns) if c != metric]
    # What is missing is a value like others, which pandas' own counting leaves out.
    varying = [c for c in columns if len(set(map(_in_words, known[c]))) > 1]
    scales = [_Scale(known[column].tolist()) for column in (*varying, metric)]
    figure = new_figure(max(5.0, 1.5 * len(scales) + 1.2), 4.2)
    axes = figure.subplots()
    heights = np.stack([scale.heights for scale in scales], axis=1)  # (runs, axes)
    _draw_runs(axes, heights)
    for place, (name, scale) in enumerate(zip((*varying, metric), scales, strict=True)):
        _draw_axis(axes, place, name, scale)
    axes.set(xlim=(-0.3, len(scales) - 0.45), ylim=(-0.06, 1.12))
    axes.set_axis_off()
    words = title or f"{len(known):,} runs"
    figure.suptitle(words, fontsize=TITLE, color=INK, x=0.01, ha="left")
    return figure


class _Scale:
    """Where the values of one column stand between 0 and 1, and which of them are written."""

    def __init__(self, values: list[Any]) -> None:
        try:
            numbers = np.array([np.nan if v is None else float(v) for v in values])
        except (TypeError, ValueError):
            numbers = np.array([np.nan])
        if np.isfinite(numbers).all() and not any(isinstance(v, bool) for v in values):
            self.heights, self.ticks = _of_numbers(numbers)
        else:
            self.heights, self.ticks = _of_texts([_in_words(value) for value in values])


def _in_words(value: Any) -> str:
    missing = value is None or (isinstance(value, float) and np.isnan(value))
    return "none" if missing else str(value)


def _of_numbers(numbers: np.ndarray) -> tuple[np.ndarray, list[tuple[float, str]]]:
    low, high = float(numbers.min()), float(numbers.max())
    logarithmic = low > 0 and high / low > _LOGARITHMIC
    shown = np.log(numbers) if logarithmic else numbers
    bottom, top = float(shown.min()), float(shown.max())
    reach = top - bottom
    heights = (shown - bottom) / reach if reach else np.full(len(shown), 0.5)
    distinct = np.unique(numbers)
    if len(distinct) > _TICKS:
        spread = np.linspace(bottom, top, _TICKS)
        distinct = np.exp(spread) if logarithmic else spread
    places = np.log(distinct) if logarithmic else distinct
    at = (places - bottom) / reach if reach else np.full(len(places), 0.5)
    return heights, [(float(h), f"{value:.3g}") for h, value in zip(at, distinct, strict=True)]


def _of_texts(texts: list[str]) -> tuple[np.ndarray, list[tuple[float, str]]]:
    names = sorted(set(texts))
    at = np.linspace(0, 1, len(names)) if len(names) > 1 else np.array([0.5])
    height = dict(zip(names, at.tolist(), strict=True))
    ticks = [(height[name], shorten(name)) for name in names]
    return np.array([height[text] for text in texts]), ticks


def _draw_runs(axes: Axes, heights: np.ndarray) -> None:
    """Smooth lines, level at every axis, so that they can be followed through it."""
    from matplotlib import colormaps

    steps = np.linspace(0, 1, 25)
    ease = steps * steps * (3 - 2 * steps)
    for place, run in enumerate(heights):
        best = place == len(heights) - 1
        x = np.concatenate([k + steps for k in range(len(run) - 1)] or [np.zeros(1)])
        y = np.concatenate([a + (b - a) * ease for a, b in pairwise(run)] or [run])
        look: dict[str, Any] = {
            "color": colormaps["cividis"](0.9 * float(run[-1])),
            "zorder": 2 + place,
        }
        axes.plot(x, y, linewidth=2.4 if best else 1.1, alpha=1.0 if best else 0.75, **look)
        if best:
            axes.plot(range(len(run)), run, "o", markersize=5, **look)


def _draw_axis(axes: Axes, place: int, name: str, scale: _Scale) -> None:
    from matplotlib.patheffects import withStroke

    axes.plot([place, place], [0, 1], color=GREY, linewidth=1, zorder=1)
    axes.text(place, 1.06, shorten(name, 24), fontsize=TEXT, color=INK, ha="center", weight="bold")
    for height, words in scale.ticks:
        axes.plot([place - 0.02, place + 0.02], [height, height], color=FAINT, linewidth=1)
        text = axes.text(
            place + 0.05, height, words, fontsize=SMALL, color=INK, va="center", zorder=10**6
        )
        text.set_path_effects([withStroke(linewidth=2.5, foreground="white", alpha=0.85)])
