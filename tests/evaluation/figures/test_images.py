"""Grids of images and the preview of augmentation."""

from __future__ import annotations

import numpy as np
import pytest

from graft.evaluation import figures

from .drawing import drawn, texts


def test_a_grid_shows_every_image_under_its_title() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
    figure = drawn(figures.image_grid(images, list("abcde"), columns=3))
    shown = [axes for axes in figure.axes if axes.images]
    assert len(figure.axes) == 6
    assert [axes.get_title() for axes in shown] == list("abcde")
    np.testing.assert_array_equal(shown[4].images[0].get_array(), images[4])
    for titles in (["a"], []):
        with pytest.raises(ValueError, match="title for each image"):
            figures.image_grid(images, titles, columns=3)


def test_augmentation_preview_has_a_row_for_each_image_with_all_variants() -> None:
    originals = np.zeros((3, 8, 8, 3), dtype=np.uint8)
    augmented = np.zeros((3, 4, 6, 6, 3), dtype=np.uint8)
    figure = drawn(figures.augmentation_preview(originals, augmented, list("abc")))
    assert sum(bool(axes.images) for axes in figure.axes) == 3 * (1 + 4)
    with pytest.raises(ValueError, match="do not fit"):
        figures.augmentation_preview(originals, augmented[:2], list("abc"))
    captions = [["60 % + 40 % dog"] * 4] * 3
    figure = drawn(figures.augmentation_preview(originals, augmented, list("abc"), captions, "P"))
    assert [axes.get_xlabel() for axes in figure.axes].count("60 % + 40 % dog") == 12
    assert {"P", "stored, 8 × 8", "as training sees it, 6 × 6"} <= set(texts(figure))
    with pytest.raises(ValueError, match="captions do not fit"):
        figures.augmentation_preview(originals, augmented, list("abc"), captions[:2])
