"""Predictions to draw, and what a figure shows."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.evaluation import Predictions, classification_metrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SETTINGS: dict[str, Any] = {"resamples": 50, "confidence": 0.95, "seed": 0}


def predictions(classes: int, images: int = 200, name: str = "fine-tuned") -> Predictions:
    rng = np.random.default_rng(classes)
    labels = rng.integers(0, classes, images)
    scores = rng.random((images, classes)) + 0.5 * np.eye(classes)[labels]
    names = tuple(f"class {k}" for k in range(classes))
    return Predictions(name, np.arange(images), labels, scores, names, 0.0)


def measured(classes: int) -> dict[str, Any]:
    return classification_metrics(predictions(classes), **SETTINGS)


def several(classes: int, name: str = "fine-tuned", images: int = 60) -> Predictions:
    """Probabilities of several labels; the last class of all is never shown."""
    rng = np.random.default_rng(classes)
    labels = rng.integers(-1, 2, (images, classes))
    labels[:, -1] = 0
    scores = rng.random((images, classes)) / 2 + 0.4 * (labels == 1)
    names = tuple(f"class {k}" for k in range(classes))
    return Predictions(name, np.arange(images), labels, scores, names, 0.0, threshold=0.5)


def measured_labels(classes: int) -> dict[str, Any]:
    return classification_metrics(several(classes), **SETTINGS)


def texts(figure: Figure) -> list[str]:
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text)]


def drawn(figure: Figure) -> Figure:
    """The figure, after it was written as a PNG of a reasonable size."""
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=30)
    assert png.getvalue().startswith(b"\x89PNG")
    assert max(figure.get_size_inches()) < 40
    return figure
