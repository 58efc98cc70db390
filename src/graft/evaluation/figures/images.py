"""Images: grids, what augmentation does to them, and those that were classified wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from graft.evaluation.figures.style import GREY, INK, SMALL, TEXT, TITLE, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from graft.evaluation.predictions import Predictions

_CELL = 1.15  # inches of an image


def image_grid(
    images: np.ndarray, titles: Sequence[str], columns: int, heading: str = ""
) -> Figure:
    """Images in rows of `columns`, each under its title.

    Args:
        images: uint8 (N, H, W, 3).
        titles: N of them; several lines are allowed.
        columns: Images in a row.
        heading: Over all of them.

    Raises:
        ValueError: No images, or not as many titles.
    """
    if len(images) == 0 or len(images) != len(titles):
        raise ValueError(f"a grid needs a title for each image: {len(images)} and {len(titles)}")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    lines = max(title.count("\n") + 1 for title in titles)
    lines_over = heading.count("\n") + 1 if heading else 0
    figure = new_figure(columns * _CELL, rows * (_CELL + 0.13 * lines) + 0.25 * lines_over)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(images) :]:
        axes.set_axis_off()
    for axes, image, title in zip(grid, images, titles, strict=False):
        show_image(axes, image)
        axes.set_title(title, fontsize=SMALL, color=INK, pad=2)
    if heading:
        figure.suptitle(heading, fontsize=TITLE, color=INK, x=0.01, ha="left")
    return figure


def augmentation_preview(
    originals: np.ndarray, augmented: np.ndarray, titles: Sequence[str]
) -> Figure:
    """A row for each image: as stored, then as training sees it in V epochs.

    Args:
        originals: uint8 (N, H, W, 3).
        augmented: uint8 (N, V, H', W', 3), V variants of each.
        titles: N of them, for the rows.

    Raises:
        ValueError: The numbers of images, variants and titles do not fit.
    """
    if augmented.ndim != 5 or not len(originals) == len(augmented) == len(titles) > 0:
        raise ValueError(
            f"originals {originals.shape}, augmented {augmented.shape} and {len(titles)} titles "
            "do not fit (N, H, W, 3), (N, V, H, W, 3) and N"
        )
    images, variants = augmented.shape[:2]
    figure = new_figure((1 + variants) * _CELL + 0.6, images * (_CELL + 0.03) + 0.3)
    # A narrow empty column sets the originals apart.
    widths = [1, 0.12, *[1] * variants]
    grid = figure.subplots(images, 2 + variants, squeeze=False, width_ratios=widths)
    for row, original, variations, title in zip(grid, originals, augmented, titles, strict=True):
        row[1].set_axis_off()
        for axes, image in zip((row[0], *row[2:]), (original, *variations), strict=True):
            show_image(axes, image)
        row[0].set_ylabel(title, fontsize=TEXT, color=INK, rotation=0, ha="right", va="center")
    grid[0, 0].set_title("stored", fontsize=TEXT, color=INK)
    grid[0, 2].set_title("as training sees it", fontsize=TEXT, color=INK, loc="left")
    return figure


def wrong_predictions(images: np.ndarray, predictions: Predictions, limit: int = 24) -> Figure:
    """The images classified wrong, the most confident mistake first.

    Confidence is by how much the score of the class decided for exceeds that of the true one,
    which serves probabilities and decision values alike. These are the images to look at for
    wrong labels.

    Args:
        images: uint8 (N, H, W, 3), those predicted, in the same order; may be memory-mapped.
        predictions: For these N images.
        limit: At most so many are shown.

    Raises:
        ValueError: Not as many images as predictions.
    """
    if len(images) != len(predictions.ids):
        raise ValueError(f"{len(images)} images, but predictions for {len(predictions.ids)}")
    wrong = np.flatnonzero(~predictions.correct)
    heading = f"{predictions.method}: {len(wrong):,} of {len(images):,} test images are wrong"
    if len(wrong) == 0:
        figure = new_figure(5.0, 1.0)
        figure.text(0.5, 0.5, heading, ha="center", va="center", fontsize=TITLE, color=INK)
        return figure
    said, true = predictions.predicted[wrong], predictions.labels[wrong]
    scores = predictions.scores[wrong]
    rows = np.arange(len(wrong))
    margin = scores[rows, said] - scores[rows, true]
    shown = np.argsort(-margin, kind="stable")[:limit]
    names = [shorten(name) for name in predictions.class_names]
    heading += "\npredicted class (score), true class; the most confident mistake first"
    titles = [f"{names[said[k]]} ({scores[k, said[k]]:.2f})\nis {names[true[k]]}" for k in shown]
    return image_grid(images[wrong[shown]], titles, columns=6, heading=heading)


def shorten(name: str) -> str:
    """A class name cut to what fits over an image."""
    return name if len(name) <= 16 else f"{name[:15]}…"


def show_image(axes: Axes, image: np.ndarray) -> None:
    """Draw uint8 pixels (H, W, 3) without ticks, in a thin frame."""
    # Small images keep their pixels: blurring them would show what no network saw.
    axes.imshow(image, interpolation="nearest" if len(image) < 100 else "auto")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(GREY)
    axes.spines[:].set_linewidth(0.4)
