"""What augmentation does to images."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from graft.evaluation.figures.images import CELL, shorten, show_image
from graft.evaluation.figures.style import INK, SMALL, TEXT, TITLE, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def augmentation_preview(
    originals: np.ndarray,
    augmented: np.ndarray,
    titles: Sequence[str],
    captions: Sequence[Sequence[str]] | None = None,
    heading: str = "",
) -> Figure:
    """A row for each image: as stored, then as training sees it in V epochs.

    Args:
        originals: uint8 (N, H, W, 3).
        augmented: uint8 (N, V, H', W', 3), V variants of each.
        titles: N of them, for the rows.
        captions: N of V each, under the variants: what is mixed in.
        heading: Over all of them.

    Raises:
        ValueError: The numbers of images, variants, titles and captions do not fit.
    """
    if augmented.ndim != 5 or not len(originals) == len(augmented) == len(titles) > 0:
        raise ValueError(
            f"originals {originals.shape}, augmented {augmented.shape} and {len(titles)} titles "
            "do not fit (N, H, W, 3), (N, V, H, W, 3) and N"
        )
    images, variants = augmented.shape[:2]
    if captions is not None and [len(row) for row in captions] != [variants] * images:
        raise ValueError(f"captions do not fit {images} images of {variants} variants")
    width = (1 + variants) * CELL + 0.6
    lines = textwrap.wrap(heading, int(12 * width))  # letters to an inch of a title
    row_height = CELL + (0.17 if captions else 0.03)
    figure = new_figure(width, images * row_height + 0.3 + 0.22 * len(lines))
    # A narrow empty column sets the originals apart.
    widths = [1, 0.12, *[1] * variants]
    grid = figure.subplots(images, 2 + variants, squeeze=False, width_ratios=widths)
    for position, row in enumerate(grid):
        row[1].set_axis_off()
        show_image(row[0], originals[position])
        title = shorten(titles[position])
        row[0].set_ylabel(title, fontsize=TEXT, color=INK, rotation=0, ha="right", va="center")
        for variant, axes in enumerate(row[2:]):
            show_image(axes, augmented[position, variant])
            if captions is not None:
                axes.set_xlabel(captions[position][variant], fontsize=SMALL, color=INK, labelpad=2)
    sizes = ["{1} × {0}".format(*pixels.shape[-3:-1]) for pixels in (originals, augmented)]
    grid[0, 0].set_title(f"stored, {sizes[0]}", fontsize=TEXT, color=INK)
    grid[0, 2].set_title(f"as training sees it, {sizes[1]}", fontsize=TEXT, color=INK, loc="left")
    if lines:
        figure.suptitle("\n".join(lines), fontsize=TITLE, color=INK, x=0.01, ha="left")
    return figure
