"""The one look of all figures.

Colours are those of Okabe and Ito (2008, Color Universal Design), which people with every kind of
colour vision tell apart, less yellow, which paper swallows. Where colours might be printed in grey
they never stand alone: lines also differ in dashes, points in markers, bars in hatching. Properties
are set on each figure, not in matplotlib's global `rcParams`, which threads share.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
Dashes: TypeAlias = str | tuple[int, tuple[int, ...]]
DASHES: tuple[Dashes, ...] = ("-", "--", "-.", (0, (1, 1)), (0, (7, 1, 1, 1, 1, 1)), (0, (9, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
HATCHES = ("", "////", "....", "xxxx", "----", "\\\\\\\\", "++++")
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


def line_style(position: int) -> Dashes:
    """The dashes of the method at this position."""
    return DASHES[position % len(DASHES)]


def hatch(position: int) -> str:
    """The hatching of the bars of the method at this position."""
    return HATCHES[position % len(HATCHES)]


def new_figure(width: float, height: float) -> Figure:
    """An empty white figure of so many inches, laid out so that no text is cut off."""
    return _figure_class()(
        figsize=(width, height), dpi=150, layout="constrained", facecolor="white"
    )


@cache
def _figure_class() -> type[Figure]:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    class FigureWithoutFormulas(Figure):
        """Shows what stands between dollar signs: names of classes and files are no formulas."""

        def draw(self, renderer: Any) -> None:
            powers = {  # of ten, on logarithmic axes
                label
                for axes in self.axes
                for axis in (axes.xaxis, axes.yaxis)
                if axis.get_scale() == "log"
                for label in axis.get_ticklabels(which="both")
            }
            for text in self.findobj(Text):
                if text not in powers:
                    text.set_parse_math(False)
            super().draw(renderer)

    return FigureWithoutFormulas


def in_words(text: str) -> Figure:
    """A figure of a sentence, where there is nothing to draw."""
    figure = new_figure(0.5 + 0.085 * max(map(len, text.split("\n"))), 1.0)
    figure.text(0.5, 0.5, text, ha="center", va="center", fontsize=TITLE, color=INK)
    return figure


def legend_below(figure: Figure, **options: Any) -> None:
    """A legend under all axes, in as many columns as the figure's width has room for.

    Args:
        figure: With its artists labelled, unless `handles` are among the options.
        options: Of `Figure.legend`.
    """
    if "handles" in options:
        labels = [handle.get_label() for handle in options["handles"]]
    else:
        labels = [label for axes in figure.axes for label in axes.get_legend_handles_labels()[1]]
    of_one = 0.55 + 0.0075 * TEXT * max(map(len, labels), default=1)  # inches
    columns = max(1, min(len(labels), int(figure.get_figwidth() / of_one)))
    figure.legend(
        loc="outside lower center", ncols=columns, frameon=False, fontsize=TEXT, **options
    )


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
