"""A sweep's trials: their values one after the other, and what made the difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from graft.evaluation.figures.images import shorten
from graft.evaluation.figures.style import (
    GREY,
    INK,
    SMALL,
    TITLE,
    colour,
    in_words,
    legend_below,
    marker,
    new_figure,
    tidy,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def optimization_history(trials: pd.DataFrame, measure: str, *, minimise: bool = False) -> Figure:
    """The value of each trial over its number, and the best one until then.

    Args:
        trials: Columns number, state ("complete", "pruned", "failed"), value and deviation, as of
            `graft.sweeps.results.trials_table`.
        measure: What the value is, in words.
        minimise: Whether it is the better the smaller.
    """
    complete = trials[trials["state"] == "complete"]
    if complete.empty:
        return in_words("No trial is complete.")
    figure = new_figure(7.5, 4.2)
    axes = figure.subplots()
    axes.errorbar(
        complete["number"],
        complete["value"],
        yerr=complete["deviation"].fillna(0),
        fmt=marker(0),
        color=colour(0),
        markersize=5,
        capsize=3,
        linewidth=1.2,
        linestyle="none",
        label="complete (with the deviation between seeds)",
    )
    pruned = trials[(trials["state"] == "pruned") & trials["value"].notna()]
    axes.plot(
        pruned["number"],
        pruned["value"],
        marker(6),
        color=GREY,
        markersize=5,
        markerfacecolor="none",
        label="pruned: the best epoch until then",
    )
    failed = trials[trials["state"] == "failed"]
    if len(failed):
        floor = float(trials["value"].min())
        axes.plot(
            failed["number"],
            np.full(len(failed), floor),
            marker(4),
            color=colour(1),
            label="failed: no value",
        )
    accumulate = np.minimum if minimise else np.maximum
    best = accumulate.accumulate(complete["value"].to_numpy())
    axes.step(
        complete["number"], best, where="post", color=colour(1), linewidth=1.6, label="best so far"
    )
    tidy(axes, title=f"{len(trials)} trials", x="trial", y=measure)
    legend_below(figure)
    return figure


def parameter_importances(importances: pd.DataFrame) -> Figure:
    """A bar for each parameter, the most important one at the top.

    Args:
        importances: Columns parameter and importance, the largest first.
    """
    if importances.empty:
        return in_words("Too few trials have a value to say what made the difference.")
    figure, axes = _rows(importances["parameter"].tolist())
    shares = importances["importance"].to_numpy(float)
    axes.barh(np.arange(len(shares)), shares, color=colour(0), height=0.62)
    for place, share in enumerate(shares):
        axes.annotate(
            f"{share:.2f}",
            (share, place),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            color=INK,
        )
    tidy(axes, x="share of the variance that parameters explain by themselves (fANOVA)", grid="x")
    figure.suptitle("Importance", fontsize=TITLE, color=INK, x=0.01, ha="left")
    return figure


def parameter_correlations(correlations: pd.DataFrame, measure: str) -> Figure:
    """A point with its interval for each parameter, the strongest correlation at the top.

    Args:
        correlations: Columns parameter, correlation, low, high and trials.
        measure: What parameters are correlated with, in words.
    """
    if correlations.empty:
        return in_words("Too few trials have a value to correlate anything with.")
    order = correlations["correlation"].abs().sort_values(ascending=False).index
    ordered = correlations.loc[order]
    figure, axes = _rows(ordered["parameter"].tolist())
    found = ordered["correlation"].to_numpy(float)
    low, high = (ordered[end].fillna(ordered["correlation"]).to_numpy() for end in ("low", "high"))
    places = np.arange(len(found))
    axes.axvline(0, color=GREY, linewidth=1)
    axes.errorbar(
        found,
        places,
        xerr=np.stack([found - low, high - found]).clip(min=0),
        fmt=marker(0),
        color=colour(0),
        markersize=6,
        linewidth=1.5,
        capsize=3,
        linestyle="none",
    )
    axes.set_xlim(-1.05, 1.05)
    tidy(axes, x=f"correlation with {measure}, {ordered['trials'].iloc[0]} trials", grid="x")
    figure.suptitle("Correlation", fontsize=TITLE, color=INK, x=0.01, ha="left")
    return figure


def _rows(names: Sequence[str]) -> tuple[Figure, Axes]:
    """Axes with a row for each name, the first at the top."""
    figure = new_figure(7.5, 1.3 + 0.33 * len(names))
    axes = figure.subplots()
    axes.set_yticks(range(len(names)), [shorten(name, 42) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    return figure, axes
