"""Scores of methods and classes with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.evaluation.baselines import BASELINES
from graft.evaluation.comparison import ACCURACY, MEAN_AVERAGE_PRECISION
from graft.evaluation.figures.style import (
    GREY,
    INK,
    SMALL,
    colour,
    hatch,
    in_percent,
    legend_below,
    marker,
    new_figure,
    tidy,
    whiskers,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FAR = 4  # times the reach of all intervals: a baseline so far below is off the scale
_ACROSS = 15  # up to so many classes stand side by side; more are listed downwards


def per_class_scores(metrics: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Bars of each class's accuracy by method, with interval whiskers.

    Of several labels it is the average precision. Up to 15 classes stand side by side; more are
    listed downwards, where names have room.

    Args:
        metrics: For each method the result of `classification_metrics`, of the same classes.
    """
    first = next(iter(metrics.values()))
    names, multi_label = first["class_names"], first["multi_label"]
    if multi_label:
        key, title, words = "average_precision", "Average precision by class", "average precision"
    else:
        key, title, words = "accuracy", "Accuracy by class", "images of the class that are right"
    upright = len(names) <= _ACROSS
    share = 0.8 / len(metrics)  # of the room between two classes, for one bar
    across = max(5.0, 1.6 + len(names) * max(0.4, 0.16 * len(metrics)))
    down = 1.2 + len(names) * max(0.17, 0.09 * len(metrics))
    figure = new_figure(across, 3.6) if upright else new_figure(6.5, down)
    axes = figure.subplots()
    for position, (method, measured) in enumerate(metrics.items()):
        score, low, high = (
            np.array([measured["per_class"][name][end] for name in names], dtype=float)
            for end in (key, "low", "high")
        )
        places = np.arange(len(names)) + (position - (len(metrics) - 1) / 2) * share
        error = whiskers(score, low, high)
        look: dict[str, Any] = {
            "color": colour(position),
            "hatch": hatch(position),
            "edgecolor": "white",
            "linewidth": 0,
            "ecolor": INK,
            "error_kw": {"linewidth": 0.8, "capsize": 2 if upright else 0},
            "label": method,
        }
        if upright:
            axes.bar(places, score, 0.92 * share, yerr=error, **look)
        else:
            axes.barh(places, score, 0.92 * share, xerr=error, **look)
    if upright:
        tidy(axes, title=title, y=words)
        crowded = max(map(len, names)) * len(names) > 60
        axes.set_xticks(range(len(names)), names, rotation=30 if crowded else 0)
        if crowded:
            for label in axes.get_xticklabels():
                label.set(ha="right", rotation_mode="anchor")
        axes.set_ylim(0, 1.02)
        axes.tick_params(axis="x", length=0)
    else:
        tidy(axes, title=title, x=words, grid="x")
        axes.set_yticks(range(len(names)), names, fontsize=SMALL)
        axes.set(xlim=(0, 1.02), ylim=(len(names) - 0.4, -0.6))
        axes.tick_params(axis="y", length=0)
    in_percent(axes, "y" if upright else "x")
    legend_below(figure)
    return figure


def comparison(table: pd.DataFrame) -> Figure:
    """Dot plot of accuracy with its interval, a row for each method, the baseline dotted.

    Of several labels it is the mean average precision. Where the baseline is so far below that the
    intervals would shrink to dots, it is off the scale and stands in the corner in words.

    Args:
        table: The result of `comparison_table`.
    """
    measure = ACCURACY if ACCURACY in table else MEAN_AVERAGE_PRECISION
    known = table["method"].isin(BASELINES)
    methods, baseline = table[~known].reset_index(drop=True), table[known].iloc[0]
    figure = new_figure(8.0, 1.3 + 0.45 * len(methods))
    axes = figure.subplots()
    _draw_baseline(axes, baseline["method"], float(baseline[measure]), methods, measure)
    for position, row in methods.iterrows():
        score, low, high = (np.array([row[f"{measure}{end}"]]) for end in ("", "_low", "_high"))
        axes.errorbar(
            score,
            [position],
            xerr=whiskers(score, low, high),
            fmt=marker(position),
            markersize=6,
            color=colour(position),
            linewidth=1.8,
            capsize=3,
        )
        axes.annotate(
            _in_words(row, measure),
            (1.02, position),
            xycoords=("axes fraction", "data"),
            fontsize=SMALL,
            color=INK,
            va="center",
        )
    tidy(axes, x=f"{measure.replace('_', ' ')} on the test images, with interval", grid="x")
    axes.set_yticks(range(len(methods)), methods["method"])
    axes.set_ylim(len(methods) - 0.5, -0.5)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    in_percent(axes, "x")
    return figure


def _draw_baseline(
    axes: Axes, name: str, score: float, methods: pd.DataFrame, measure: str
) -> None:
    """A dotted line, or off the scale an arrow to where it is."""
    low, high = float(methods[f"{measure}_low"].min()), float(methods[f"{measure}_high"].max())
    reach = max(high - low, 0.02)
    words, at = f"{name} {100 * score:.1f} %", "center"
    axes.axvline(score, color=GREY, linestyle=":", linewidth=1.5)
    place: tuple[float, float] = (score, 1)
    coordinates = ("data", "axes fraction")
    if score < low - _FAR * reach:
        axes.set_xlim(low - 0.1 * reach, high + 0.1 * reach)
        words, at, place, coordinates = f"← {words}", "left", (0, 1), ("axes fraction",) * 2
    axes.annotate(
        words,
        place,
        xycoords=coordinates,
        xytext=(0, 3),
        textcoords="offset points",
        fontsize=SMALL,
        color=GREY,
        ha=at,
    )


def _in_words(row: pd.Series, measure: str) -> str:
    """The score with its interval, and the paired difference in points to the first method."""
    score, low, high = (100 * row[f"{measure}{end}"] for end in ("", "_low", "_high"))
    words = f"{score:.1f} % [{low:.1f}, {high:.1f}]"
    if np.isnan(row["difference"]):
        return words
    difference, low, high = (100 * row[f"difference{end}"] for end in ("", "_low", "_high"))
    return f"{words}\n{difference:+.1f} points [{low:+.1f}, {high:+.1f}] against the first"
