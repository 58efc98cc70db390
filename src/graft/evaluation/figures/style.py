"""The one look of all figures.

Colours are those of Okabe and Ito (2008, Color Universal Design), which people with every kind of
colour vision tell apart, less yellow, which paper swallows. Where colours might be printed in grey
they never stand alone: lines also differ in dashes or markers, bars in order. Properties are set
on each figure, not in matplotlib's global `rcParams`, which threads share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
DASHES: tuple[str | tuple[int, tuple[int, int]], ...] = ("-", "--", "-.", (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
INK = "#222222"
GREY = "#767676"
FAINT = "#E3E3E3"
TITLE, TEXT, SMALL = 11.0, 9.0, 7.5  # points


def colour(position: int) -> str:
    """The colour of the method at this position; they repeat after seven."""
    return COLOURS[position % len(COLOURS)]


def marker(position: int) -> str:
    """The marker of the method at this position."""
    return MARKERS[position % len(MARKERS)]


def line_style(position: int) -> str | tuple[int, tuple[int, int]]:
    """The dashes of the method at this position."""
    return DASHES[position % len(DASHES)]


def new_figure(width: float, height: float) -> Figure:
    """An empty white figure of so many inches, laid out so that no text is cut off."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=150, layout="constrained", facecolor="white")


def tidy(axes: Axes, *, title: str = "", x: str = "", y: str = "", grid: str = "y") -> None:
    """Titles, quiet spines and a faint grid along "x", "y" or "both"."""
    if title:
        axes.set_title(title, fontsize=TITLE, color=INK, loc="left")
    axes.set_xlabel(x, fontsize=TEXT, color=INK)
    axes.set_ylabel(y, fontsize=TEXT, color=INK)
    axes.tick_params(labelsize=TEXT, colors=INK, length=3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.set_axisbelow(True)
    axes.grid(axis=grid, color=FAINT, linewidth=0.8)  # type: ignore[arg-type]


def in_percent(axes: Axes, axis: str) -> None:
    """Show shares from 0 to 1 on the "x" or "y" axis as 0 % to 100 %."""
    from matplotlib.ticker import FuncFormatter

    shown = axes.xaxis if axis == "x" else axes.yaxis
    shown.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))


def whiskers(value: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Lengths (2, N) of error bars below and above the values, as matplotlib wants them."""
    return np.stack([value - low, high - value]).clip(min=0)
