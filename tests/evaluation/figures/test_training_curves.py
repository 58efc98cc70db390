"""Curves of training."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graft.evaluation import figures

from .drawing import drawn, texts


def history(*, validation: bool) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "epoch": [1, 2, 3],
            "train_loss": [2.0, 1.0, 0.5],
            "train_accuracy": [0.3, 0.6, 0.8],
        }
    )
    if validation:
        frame["validation_loss"] = [2.1, np.nan, 0.9]
        frame["validation_accuracy"] = [0.3, np.nan, 0.7]
    return frame


def test_training_curves_skip_what_was_not_measured() -> None:
    figure = drawn(
        figures.training_curves(
            {"with": history(validation=True), "without": history(validation=False)}
        )
    )
    loss, _ = figure.axes
    assert [len(line.get_xdata()) for line in loss.lines] == [3, 2, 3]  # type: ignore[arg-type]
    assert {"with", "without", "validation", "best epoch"} <= set(texts(figure))
    alone = figures.training_curves({"without": history(validation=False)})
    assert "validation" not in texts(alone)


def test_training_curves_ring_the_best_epoch() -> None:
    frame = history(validation=True).assign(validation_accuracy=[0.3, 0.9, 0.7])
    _, accuracy = figures.training_curves({"any": frame}).axes
    (ring,) = [line for line in accuracy.lines if line.get_markerfacecolor() == "none"]
    assert ring.get_xydata().tolist() == [[2.0, 0.9]]  # type: ignore[union-attr]


def test_training_curves_of_several_labels_show_mean_average_precision() -> None:
    found = {"validation_mean_average_precision": [0.2, 0.5, 0.4]}
    frame = history(validation=True).assign(**found)
    figure = drawn(figures.training_curves({"any": frame}))
    score = figure.axes[1]
    assert score.get_title(loc="left") == "Mean average precision"
    curve, ring = score.lines
    assert list(curve.get_ydata()) == found["validation_mean_average_precision"]  # type: ignore[arg-type]
    assert ring.get_xydata().tolist() == [[2.0, 0.5]]  # type: ignore[union-attr]


def test_trainings_differ_in_their_markers_too_however_long_they_are() -> None:
    long = pd.DataFrame({"epoch": range(1, 301), "train_loss": 1.0, "train_accuracy": 0.5})
    loss, _ = figures.training_curves({"one": long, "two": history(validation=False)}).axes
    first, second = loss.lines
    assert first.get_marker() != second.get_marker()
    assert (first.get_markevery(), second.get_markevery()) == (10, 1)
