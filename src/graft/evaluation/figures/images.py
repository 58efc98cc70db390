"""Images in rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from graft.evaluation.figures.style import GREY, INK, SMALL, TITLE, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CELL = 1.15  # inches of an image


def image_grid(
    images: np.ndarray, titles: Sequence[str], columns: int, heading: str = ""
) -> Figure:
    """Images in rows of `columns`, each under its title.

    Args:
        images: uint8 (N, H, W, 3).
        titles: N of them; several lines are allowed, and long ones are cut off.
        columns: Images in a row.
        heading: Over all of them.

    Raises:
        ValueError: No images, or not as many titles.
    """
    if len(images) == 0 or len(images) != len(titles):
        raise ValueError(f"a grid needs a title for each image: {len(images)} and {len(titles)}")
    if not heading:  # which needs the width
        columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    lines = max(title.count("\n") + 1 for title in titles)
    lines_over = heading.count("\n") + 1 if heading else 0
    figure = new_figure(columns * CELL, rows * (CELL + 0.13 * lines) + 0.25 * lines_over)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(images) :]:
        axes.set_axis_off()
    for axes, image, title in zip(grid, images, titles, strict=False):
        show_image(axes, image)
        fitting = "\n".join(shorten(line, 22) for line in title.split("\n"))
        axes.set_title(fitting, fontsize=SMALL, color=INK, pad=2)
    if heading:
        figure.suptitle(heading, fontsize=TITLE, color=INK, x=0.01, ha="left")
    return figure


def shorten(name: str, most: int = 16) -> str:
    """A class name cut to what fits over an image."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def show_image(axes: Axes, image: np.ndarray) -> None:
    """Draw uint8 pixels (H, W, 3) without ticks, in a thin frame."""
    # Small images keep their pixels: blurring them would show what no network saw.
    axes.imshow(image, interpolation="nearest" if len(image) < 100 else "auto")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(GREY)
    axes.spines[:].set_linewidth(0.4)
