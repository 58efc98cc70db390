"""Heat maps over the pictures that they explain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from graft.evaluation.figures.images import CELL, shorten, show_image
from graft.evaluation.figures.style import INK, SMALL, TEXT, TITLE, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PAIRS_A_ROW = 4


def grad_cam(
    images: np.ndarray, maps: np.ndarray, titles: Sequence[str], heading: str = ""
) -> Figure:
    """Each image beside itself under its heat map, bright where it speaks for the class.

    The colours are cividis, which is the same to people with every kind of colour vision and grows
    evenly in grey.

    Args:
        images: uint8 (N, H, W, 3).
        maps: float (N, H, W), 0 to 1.
        titles: N of them, over the pairs; several lines are allowed.
        heading: Over all of them.

    Raises:
        ValueError: No images, or numbers that do not fit.
    """
    if not 0 < len(images) == len(maps) == len(titles):
        raise ValueError(f"{len(images)} images, {len(maps)} maps and {len(titles)} titles")
    columns = min(_PAIRS_A_ROW, len(images))
    rows = -(-len(images) // columns)
    lines = max(title.count("\n") + 1 for title in titles)
    figure = new_figure(max(columns * (2 * CELL + 0.15), 5.0), rows * (CELL + 0.13 * lines) + 0.55)
    widths = [1, 1, 0.12] * columns  # a narrow empty column sets the pairs apart
    grid = figure.subplots(rows, 3 * columns, squeeze=False, width_ratios=widths)
    for axes in grid.ravel():
        axes.set_axis_off()
    for place, (image, heat, title) in enumerate(zip(images, maps, titles, strict=True)):
        row, column = divmod(place, columns)
        left, right = grid[row, 3 * column : 3 * column + 2]
        for axes in (left, right):
            axes.set_axis_on()
        show_image(left, image)
        show_image(right, image.mean(axis=2, keepdims=True).repeat(3, axis=2).astype(np.uint8))
        shown = right.imshow(heat, cmap="cividis", vmin=0, vmax=1, alpha=0.65)
        fitting = "\n".join(shorten(line, 24) for line in title.split("\n"))
        left.set_title(fitting, fontsize=SMALL, color=INK, pad=2, loc="left")
    bar = figure.colorbar(shown, ax=grid, location="bottom", shrink=0.4, aspect=40, pad=0.02)
    bar.set_ticks([0, 1], labels=["nothing", "most"])
    bar.ax.tick_params(labelsize=SMALL, colors=INK, length=0)
    bar.outline.set_visible(False)
    bar.set_label("what speaks for the class", fontsize=TEXT, color=INK, labelpad=-6)
    if heading:
        figure.suptitle(heading, fontsize=TITLE, color=INK, x=0.01, ha="left")
    return figure
