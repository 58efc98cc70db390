"""Pictures of what a network has learnt: filters, heat maps, maps of features."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graft.evaluation import figures
from graft.evaluation.explanation import FeatureMap

from .drawing import drawn, texts


def test_a_filter_is_grey_where_its_weight_is_zero() -> None:
    weights = np.zeros((5, 3, 2, 2), dtype=np.float32)
    weights[1, 0, 0, 0], weights[1, 2, 1, 1] = 0.5, -0.25
    figure = drawn(figures.first_layer_filters("conv1", weights))
    shown = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    assert len(shown) == 5
    assert (shown[0] == 128).all()
    assert shown[1][0, 0].tolist() == [255, 128, 128]
    assert shown[1][1, 1].tolist() == [128, 128, 64]
    assert "First layer, conv1: 5 filters of 2 × 2 pixels" in texts(figure)
    few = figures.first_layer_filters("conv1", weights, limit=2)
    assert "First layer, conv1: 2 of 5 filters of 2 × 2 pixels" in texts(few)


def test_a_network_without_convolutions_is_said_in_words() -> None:
    (words,) = texts(drawn(figures.first_layer_filters("", np.zeros((0, 3, 1, 1)))))
    assert "no filters" in words


def test_heat_maps_lie_over_their_images() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
    maps = np.random.default_rng(1).random((5, 8, 8))
    figure = drawn(figures.grad_cam(images, maps, [f"{k}\nis x" for k in range(5)], "A heading"))
    pairs = [axes for axes in figure.axes if axes.images]
    np.testing.assert_array_equal(pairs[2].images[0].get_array(), images[1])
    np.testing.assert_array_equal(pairs[3].images[1].get_array(), maps[1])
    assert pairs[2].get_title(loc="left") == "1\nis x"
    assert "A heading" in texts(figure)
    with pytest.raises(ValueError, match="4 maps"):
        figures.grad_cam(images, maps[:4], list("abcde"))


@pytest.mark.parametrize("classes", [2, 10, 40])
def test_classes_of_a_feature_map_differ_in_colour_or_marker(classes: int) -> None:
    rng = np.random.default_rng(0)
    points = FeatureMap(
        rng.random((3 * classes, 2)), np.array([0.4, 0.1]), rng.random((3 * classes, 2))
    )
    labels = np.arange(3 * classes) % classes
    labels[0] = -1
    names = [f"class {k}" for k in range(classes)]
    figure = drawn(figures.feature_map(points, labels, names, "A heading"))
    looks = {
        (str(group.get_facecolor()[0]), str(group.get_paths()[0].vertices.round(3)))
        for group in figure.axes[0].collections[1:]
    }
    assert len(looks) == classes
    assert ("class 1" in texts(figure)) == (classes <= 30)
    assert "component 1, 40 % of the variance" in texts(figure)
    if classes <= 30:
        assert "none or several" in texts(figure)


def test_suspicious_labels_are_shown_with_what_they_may_be() -> None:
    images = np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
    found = pd.DataFrame(
        {
            "rank": [1, 2],
            "id": ["c", "a"],
            "given": ["cat", "dog"],
            "suggested": ["dog", "cat"],
            "given_probability": [0.05, 0.2],
            "suggested_probability": [0.9, 0.7],
        }
    )
    position = {"a": 0, "b": 1, "c": 2}
    figure = drawn(figures.suspicious_labels(images, position, found))
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.images[0].get_array().max() for axes in shown] == [2, 0]
    assert shown[0].get_title() == "1. cat (0.05)\n→ dog (0.90)"
    (words,) = texts(drawn(figures.suspicious_labels(images, position, found.iloc[:0])))
    assert "no suspicious labels" in words
