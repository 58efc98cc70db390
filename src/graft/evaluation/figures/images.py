"""Images: grids, and those that were classified wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from graft.evaluation.figures.style import GREY, INK, SMALL, TITLE, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from graft.evaluation.predictions import Predictions

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


def wrong_predictions(images: np.ndarray, predictions: Predictions, limit: int = 24) -> Figure:
    """The images classified wrong, the most confident mistake first.

    Confidence is by how much the score of the class decided for exceeds that of the true one,
    which serves probabilities and decision values alike. Of several labels it is how far the score
    of a class lies on the wrong side of the threshold; each image shows its worst class. These are
    the images to look at for wrong labels.

    Args:
        images: uint8 (N, H, W, 3), those predicted, in the same order; may be memory-mapped.
        predictions: For these N images.
        limit: At most so many are shown.

    Raises:
        ValueError: Not as many images as predictions.
    """
    if len(images) != len(predictions.ids):
        raise ValueError(f"{len(images)} images, but predictions for {len(predictions.ids)}")
    wrong = int((~predictions.correct).sum())
    heading = f"{predictions.method}: {wrong:,} of {len(images):,} test images are wrong"
    if predictions.multi_label:
        heading += " in some class"
    if wrong == 0:
        figure = new_figure(5.0, 1.0)
        figure.text(0.5, 0.5, heading, ha="center", va="center", fontsize=TITLE, color=INK)
        return figure
    if predictions.multi_label:
        heading += "\n+ wrongly claimed or − missed class (score), true classes"
        confidence, titles = _worst_classes(predictions)
    else:
        heading += "\npredicted class (score), true class"
        confidence, titles = _mistaken_classes(predictions)
    heading += "; most confident first"
    shown = np.argsort(-confidence, kind="stable")[: min(limit, wrong)]
    captions = [titles(int(row)) for row in shown]
    return image_grid(images[shown], captions, columns=6, heading=heading)


def _mistaken_classes(predictions: Predictions) -> tuple[np.ndarray, Callable[[int], str]]:
    """How confident each mistake is (N,), -inf where there is none, and what to write over it."""
    rows, said, true = np.arange(len(predictions.ids)), predictions.predicted, predictions.labels
    scores = predictions.scores[rows, said]
    margin = np.where(said != true, scores - predictions.scores[rows, true], -np.inf)
    names = [shorten(name) for name in predictions.class_names]
    return margin, lambda row: f"{names[said[row]]} ({scores[row]:.2f})\nis {names[true[row]]}"


def _worst_classes(predictions: Predictions) -> tuple[np.ndarray, Callable[[int], str]]:
    """The same of several labels; each image stands for its most confident mistake."""
    said, threshold = predictions.predicted, predictions.threshold or 0.0
    wrong = (said != predictions.labels) & predictions.counted
    margin = np.where(wrong, np.abs(predictions.scores - threshold), -np.inf)
    worst = margin.argmax(axis=1)
    names = predictions.class_names

    def title(row: int) -> str:
        k = worst[row]
        sign, score = "+" if said[row, k] else "−", f"({predictions.scores[row, k]:.2f})"
        shown = ", ".join(names[j] for j in np.flatnonzero(predictions.labels[row] == 1))
        return f"{sign} {shorten(names[k])} {score}\n{shorten(shown or 'none of the classes', 20)}"

    return margin.max(axis=1), title


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
