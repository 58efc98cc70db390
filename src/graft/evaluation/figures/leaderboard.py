"""Contestants of a comparison in their order, with what is sure about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graft.evaluation.comparison import LOSSES
from graft.evaluation.figures.style import (
    GREY,
    INK,
    SMALL,
    TEXT,
    colour,
    in_percent,
    marker,
    new_figure,
    tidy,
    whiskers,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def leaderboard(table: pd.DataFrame) -> Figure:
    """Scores on the left, differences to the best on the right, each with its interval.

    Those that share a rank share colour and marker: between them nothing is proven.

    Args:
        table: The first result of `graft.evaluation.leaderboard.leaderboard`.
    """
    measure = str(table["measure"].iloc[0])
    figure = new_figure(9.0, 1.4 + 0.42 * len(table))
    scores, differences = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    ranks = sorted(set(table["rank"]))
    looks = [ranks.index(rank) for rank in table["rank"]]
    _draw_points(scores, table, "score", looks)
    _draw_points(differences, table, "difference", looks)
    differences.axvline(0, color=GREY, linewidth=1)
    words = measure.replace("_", " ")
    tidy(scores, x=f"{words} on the test images", grid="x")
    tidy(differences, x="difference to the first", grid="x")
    labels = [f"{row['method']}  {row['rank']}." for _, row in table.iterrows()]
    scores.set_yticks(range(len(table)), labels, fontsize=TEXT)
    scores.set_ylim(len(table) - 0.5, -0.5)
    for axes in (scores, differences):
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        if measure not in LOSSES:
            in_percent(axes, "x")
    for position, (_, row) in enumerate(table.iterrows()):
        if row["p_holm"] == row["p_holm"]:  # NaN differs from itself
            p = "p < 0.001" if row["p_holm"] < 0.001 else f"p = {row['p_holm']:.3f}"
            differences.annotate(
                p,
                (1.02, position),
                xycoords=("axes fraction", "data"),
                fontsize=SMALL,
                color=INK,
                va="center",
            )
    return figure


def _draw_points(axes: Axes, table: pd.DataFrame, quantity: str, looks: list[int]) -> None:
    for position, look in enumerate(looks):
        value, low, high = (
            np.array([table[f"{quantity}{end}"].iloc[position]], dtype=float)
            for end in ("", "_low", "_high")
        )
        if np.isnan(value).any():
            continue
        axes.errorbar(
            value,
            [position],
            xerr=whiskers(value, low, high),
            fmt=marker(look),
            markersize=6,
            color=colour(look),
            linewidth=1.8,
            capsize=3,
        )
