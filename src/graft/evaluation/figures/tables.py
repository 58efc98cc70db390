"""Strategies and models side by side: how good they are for what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.evaluation.figures.style import (
    GREY,
    INK,
    SMALL,
    TEXT,
    TITLE,
    colour,
    in_percent,
    marker,
    new_figure,
    tidy,
    whiskers,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = ("trained", "of all", "train")


def strategy_table(rows: Sequence[Mapping[str, Any]], measure: str, title: str) -> Figure:
    """A row for each strategy or model: its score with interval, and what was trained for it.

    Args:
        rows: Dictionaries with `name` and `value` (0 to 1), and where known `low` and `high` (the
            interval), `trainable_parameters`, `parameters` and `train_seconds`. In the order of
            the table.
        measure: What the values are, such as "accuracy".
        title: Of the figure.

    Raises:
        ValueError: No rows.
    """
    if not rows:
        raise ValueError("a table of strategies needs at least one row")
    written = [_cells(row) for row in rows]
    used = [k for k in range(len(_COLUMNS)) if any(cells[k] for cells in written)]
    figure = new_figure(7.2 + 0.75 * len(used), 1.15 + 0.36 * len(rows))
    axes = figure.subplots()
    for place, row in enumerate(rows):
        value, low, high = (np.array([_number(row, end, row["value"])]) for end in
                            ("value", "low", "high"))  # fmt: skip
        axes.errorbar(
            value, [place], xerr=whiskers(value, low, high), fmt=marker(place), markersize=6,
            color=colour(place), linewidth=1.8, capsize=3,
        )  # fmt: skip
        shown = [f"{100 * float(row['value']):.1f} %", *(written[place][k] for k in used)]
        for column, words in enumerate(shown):
            _write(axes, place, column, words)
    for column, words in enumerate([measure, *(_COLUMNS[k] for k in used)]):
        _write(axes, -0.75, column, words, GREY)
    tidy(axes, x=measure, grid="x")
    axes.set_yticks(range(len(rows)), [str(row["name"]) for row in rows], fontsize=TEXT)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    in_percent(axes, "x")
    figure.suptitle(title, fontsize=TITLE, color=INK, x=0.01, ha="left")
    return figure


def in_short(number: float) -> str:
    """Parameters as papers write them: 812, 61.9 k, 2.2 M."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.0f}"


def _cells(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Trained parameters, their share of all, and the time of training."""
    trained, everything = (_number(row, key) for key in ("trainable_parameters", "parameters"))
    seconds = _number(row, "train_seconds")
    share = 100 * trained / everything if everything else np.nan
    return (
        "" if np.isnan(trained) else in_short(trained),
        "" if np.isnan(share) else f"{share:.3g} %",
        "" if np.isnan(seconds) else f"{seconds:,.0f} s" if seconds >= 10 else f"{seconds:.1f} s",
    )


def _number(row: Mapping[str, Any], key: str, otherwise: float = np.nan) -> float:
    """What a row says, NaN (or `otherwise`) where it says nothing."""
    try:
        value = float(row.get(key, otherwise))
    except TypeError:  # None, or pandas' NA
        return float(otherwise)
    return float(otherwise) if np.isnan(value) else value


def _write(axes: Axes, row: float, column: int, words: str, colour: str = INK) -> None:
    """A cell of the table to the right of the axes."""
    axes.annotate(
        words, (1, row), xycoords=("axes fraction", "data"), xytext=(72 + 54 * column, 0),
        textcoords="offset points", fontsize=SMALL, color=colour, ha="right", va="center",
        annotation_clip=False,
    )  # fmt: skip
