"""A report's table as a figure: what was reported, and what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graft.evaluation.comparison import LOSSES
from graft.evaluation.figures.style import (
    COLOURS,
    GREY,
    INK,
    SMALL,
    TEXT,
    in_percent,
    in_words,
    legend_below,
    new_figure,
    tidy,
    whiskers,
)
from graft.evaluation.verdicts import BETTER, COUNTED, REPRODUCED, WORSE

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW, _MARGIN = 0.32, 1.3  # inches
_LOOKS = {REPRODUCED: (COLOURS[2], "o"), BETTER: (COLOURS[0], "^"), WORSE: (COLOURS[1], "v")}
_OTHER = (GREY, "s")
_LONGEST = 46  # characters of a row's description


def study(table: pd.DataFrame) -> Figure:
    """A line for each row: the reported value as a bar, the measured one with its interval.

    Measures have axes of their own, side by side. Rows that have not been measured are left out,
    and so are counts of parameters and operations.

    Args:
        table: As `graft.studies.table.study_table` returns it.
    """
    counted = table["measure"].isin(COUNTED)
    shown = table[table["measured"].notna() & ~counted]
    if shown.empty:
        return in_words("No row has been measured.")
    measures = list(dict.fromkeys(shown["measure"]))
    most = max(int((shown["measure"] == measure).sum()) for measure in measures)
    figure = new_figure(3.5 + 4.5 * len(measures), _MARGIN + _ROW * most)
    for axes, measure in zip(
        figure.subplots(1, len(measures), squeeze=False)[0], measures, strict=True
    ):
        _draw(axes, shown[shown["measure"] == measure], measure)
    legend_below(figure, handles=_handles(shown))
    return figure


def _draw(axes: Axes, rows: pd.DataFrame, measure: str) -> None:
    for position, (_, row) in enumerate(rows.iterrows()):
        colour, marker = _LOOKS.get(row["verdict"], _OTHER)
        value, low, high = (
            np.array([row[f"measured{end}"]], dtype=float) for end in ("", "_low", "_high")
        )
        axes.errorbar(
            value,
            [position],
            xerr=whiskers(value, low, high),
            fmt=marker,
            markersize=5.5,
            color=colour,
            linewidth=1.6,
            capsize=3,
        )
        if not np.isnan(row["reported"]):
            axes.plot([row["reported"]] * 2, [position - 0.33, position + 0.33], color=INK, lw=2)
    tidy(axes, x=f"{measure.replace('_', ' ')} on the test images", grid="x")
    labels = [f"{row['row']}  {_shortened(row['description'])}" for _, row in rows.iterrows()]
    axes.set_yticks(range(len(rows)), labels, fontsize=SMALL)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    if measure not in LOSSES:
        in_percent(axes, "x")


def _handles(shown: pd.DataFrame) -> list[Any]:
    from matplotlib.lines import Line2D

    found = dict.fromkeys(shown["verdict"])
    looks = {verdict: look for verdict, look in _LOOKS.items() if verdict in found}
    if others := [verdict for verdict in found if verdict not in _LOOKS]:
        looks[" or ".join(others)] = _OTHER
    handles = [
        Line2D([], [], color=colour, marker=marker, lw=1.6, label=verdict)
        for verdict, (colour, marker) in looks.items()
    ]
    if shown["reported"].notna().any():
        bar = Line2D([], [], color=INK, marker="|", ms=TEXT, mew=2, lw=0, label="reported")
        handles.append(bar)
    return handles


def _shortened(description: str) -> str:
    if len(description) <= _LONGEST:
        return description
    return f"{description[: _LONGEST - 1].rstrip()}…"
