"""Test images with what a classifier said of them: a sample of all, and those that are wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from graft.evaluation.figures.images import CELL, image_grid, shorten, show_image
from graft.evaluation.figures.style import (
    COLOURS,
    FAINT,
    INK,
    SMALL,
    TITLE,
    in_words,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from graft.evaluation.predictions import Predictions

_RIGHT, _WRONG, _BARS = COLOURS[0], COLOURS[1], 3


def prediction_grid(
    images: np.ndarray, predictions: Predictions, limit: int = 16, seed: int = 0
) -> Figure:
    """Right and wrong answers at random, half of each where there are so many wrong ones.

    Over an image stands its true class, with a tick where the method found it (of several labels:
    found all of them and no other) and a cross where not. Beside it are bars of the three highest
    scores; a true class is blue, others are orange and hatched. Bars of decision values, which have
    no scale, are drawn between the image's lowest and highest.

    Args:
        images: uint8 (N, H, W, 3), those predicted, in the same order; may be memory-mapped.
        predictions: For these N images.
        limit: At most so many are shown.
        seed: Of the sample.

    Raises:
        ValueError: Not as many images as predictions.
    """
    if len(images) != len(predictions.ids):
        raise ValueError(f"{len(images)} images, but predictions for {len(predictions.ids)}")
    correct = predictions.correct
    shuffled = np.random.default_rng(seed).permutation(len(images))
    wrong = shuffled[~correct[shuffled]][: limit // 2]
    right = shuffled[correct[shuffled]][: limit - len(wrong)]
    chosen = np.concatenate([right, wrong])
    columns = min(4, len(chosen))
    rows = -(-len(chosen) // columns)
    figure = new_figure(max(columns * 2 * CELL + 0.3, 5.0), rows * (CELL + 0.2) + 0.35)
    cells = figure.subplots(
        rows, 2 * columns, squeeze=False, width_ratios=[1, 1] * columns
    ).reshape(-1, 2)
    for picture, bars in cells[len(chosen) :]:
        picture.set_axis_off()
        bars.set_axis_off()
    for (picture, bars), row in zip(cells, chosen, strict=False):
        show_image(picture, images[row])
        sign, colour = ("✓", _RIGHT) if correct[row] else ("✗", _WRONG)
        title = f"{sign} {shorten(_true_classes(predictions, row), 20)}"
        picture.set_title(title, fontsize=SMALL, color=INK, pad=2)
        picture.spines[:].set(color=colour, linewidth=1.6, linestyle="-" if correct[row] else "--")
        _draw_scores(bars, predictions, int(row))
    heading = f"{predictions.method}: some right and some wrong answers, with their scores"
    figure.suptitle(heading, fontsize=TITLE, color=INK, x=0.01, ha="left")
    return figure


def _draw_scores(axes: Axes, predictions: Predictions, row: int) -> None:
    """The highest scores of one image as bars, their classes written over them."""
    scores = predictions.scores[row].astype(float)
    top = np.argsort(-scores, kind="stable")[:_BARS]
    true = _is_true(predictions, row)
    if predictions.probabilistic:
        lengths = scores[top]
    else:
        lengths = (scores[top] - scores.min()) / max(float(np.ptp(scores)), 1e-12)
    for place, (k, length) in enumerate(zip(top, lengths, strict=True)):
        colour, hatch = (_RIGHT, "") if true[k] else (_WRONG, "////")
        axes.barh(place, 1, 0.34, color=FAINT)
        axes.barh(place, length, 0.34, color=colour, hatch=hatch, edgecolor="white", linewidth=0)
        words = f"{shorten(predictions.class_names[k], 14)} {scores[k]:.2f}"
        axes.text(0, place - 0.26, words, fontsize=SMALL, color=INK, va="bottom")
    axes.set(xlim=(0, 1), ylim=(_BARS - 0.6, -0.9))
    axes.set_axis_off()


def _is_true(predictions: Predictions, row: int) -> np.ndarray:
    """Which classes the image shows, bool (K,)."""
    if predictions.multi_label:
        return np.asarray(predictions.labels[row] == 1)
    return np.asarray(np.arange(len(predictions.class_names)) == predictions.labels[row])


def _true_classes(predictions: Predictions, row: int) -> str:
    names = np.asarray(predictions.class_names, dtype=object)[_is_true(predictions, row)]
    return ", ".join(names) or "none of the classes"


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
        return in_words(heading)
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
