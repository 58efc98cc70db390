"""Predictions with their images."""

from __future__ import annotations

import numpy as np
import pytest

from graft.evaluation import Predictions, figures

from .drawing import drawn, texts


def test_wrong_predictions_start_with_the_most_confident_mistake() -> None:
    scores = np.array([[0.9, 0.1], [0.4, 0.6], [0.95, 0.05], [0.2, 0.8], [0.3, 0.7]])
    given = Predictions("any", list("abcde"), [0, 0, 1, 1, 0], scores, ("cat", "dog"), 0.0)
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
    figure = drawn(figures.wrong_predictions(images, given))
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.images[0].get_array().max() for axes in shown] == [2, 4, 1]  # type: ignore[union-attr]
    assert shown[0].get_title() == "cat (0.95)\nis dog"
    assert sum(bool(a.images) for a in figures.wrong_predictions(images, given, limit=1).axes) == 1
    with pytest.raises(ValueError, match="4 images"):
        figures.wrong_predictions(images[:4], given)


def test_wrong_predictions_of_several_labels_show_the_worst_class_of_each_image() -> None:
    labels = [[1, 0], [1, 0], [0, 0], [1, 1], [-1, 1]]
    scores = [[0.9, 0.6], [0.1, 0.8], [0.2, 0.3], [0.45, 0.9], [0.9, 0.9]]
    given = Predictions("any", list("abcde"), labels, scores, ("cat", "dog"), 0.0, threshold=0.5)
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
    figure = drawn(figures.wrong_predictions(images, given))
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.images[0].get_array().max() for axes in shown] == [1, 0, 3]  # type: ignore[union-attr]
    titles = [axes.get_title() for axes in shown]
    assert titles == ["− cat (0.10)\ncat", "+ dog (0.60)\ncat", "− cat (0.45)\ncat, dog"]
    assert any(
        text.startswith("any: 3 of 5 test images are wrong in some") for text in texts(figure)
    )
    never = Predictions("any", ["a"], [[0, 0]], [[0.9, 0.1]], ("cat", "dog"), 0.0, threshold=0.5)
    (only,) = [a for a in figures.wrong_predictions(images[:1], never).axes if a.images]
    assert only.get_title() == "+ cat (0.90)\nnone of the classes"


def test_no_mistakes_are_said_in_words() -> None:
    perfect = Predictions("any", ["a", "b"], [0, 1], np.eye(2), ("cat", "dog"), 0.0)
    figure = drawn(figures.wrong_predictions(np.zeros((2, 4, 4, 3), np.uint8), perfect))
    assert texts(figure) == ["any: 0 of 2 test images are wrong"]


def test_the_prediction_grid_shows_right_and_wrong_answers_with_their_scores() -> None:
    labels = np.arange(40) % 4
    scores = np.full((40, 4), 0.1) + 0.6 * np.eye(4)[labels]
    wrong = [3, 11, 17]
    scores[wrong] = np.roll(scores[wrong], 1, axis=1)
    given = Predictions("any", np.arange(40), labels, scores, tuple("abcd"), 0.0)
    images = np.zeros((40, 4, 4, 3), np.uint8)
    figure = drawn(figures.prediction_grid(images, given, limit=8))
    titles = [axes.get_title() for axes in figure.axes if axes.images]
    assert [title[0] for title in titles] == ["✓"] * 5 + ["✗"] * 3
    many = scores.copy()
    many[::2] = np.roll(many[::2], 1, axis=1)
    half = Predictions("any", np.arange(40), labels, many, tuple("abcd"), 0.0)
    figure = figures.prediction_grid(images, half, limit=8)
    assert [axes.get_title()[0] for axes in figure.axes if axes.images] == ["✓"] * 4 + ["✗"] * 4
    bars = figure.axes[1].patches[1::2]
    assert [bar.get_width() for bar in bars] == pytest.approx([0.7, 0.1, 0.1])
    assert figure.axes[1].texts[0].get_text().endswith(" 0.70")
    with pytest.raises(ValueError, match="39 images"):
        figures.prediction_grid(images[:39], given)


def test_the_prediction_grid_draws_decision_values_and_several_labels() -> None:
    values = np.array([[-2.0, 1.0, -1.0], [3.0, -1.0, -5.0]])
    machine = Predictions("SVM", ["a", "b"], [1, 0], values, tuple("xyz"), 0.0)
    images = np.zeros((2, 4, 4, 3), np.uint8)
    lengths = [
        [bar.get_width() for bar in axes.patches[1::2]]
        for axes in drawn(figures.prediction_grid(images, machine)).axes
        if axes.patches
    ]
    assert sorted(lengths) == [[1.0, pytest.approx(1 / 3), 0.0], [1.0, 0.5, 0.0]]
    labels = [[1, 1, 0], [0, 0, 0]]
    scores = [[0.9, 0.8, 0.1], [0.7, 0.2, 0.1]]
    several = Predictions("any", ["a", "b"], labels, scores, tuple("xyz"), 0.0, threshold=0.5)
    figure = drawn(figures.prediction_grid(images, several))
    titles = [axes.get_title() for axes in figure.axes if axes.images]
    assert titles == ["✓ x, y", "✗ none of the classes"]
