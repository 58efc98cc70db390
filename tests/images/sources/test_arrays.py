"""Listings of arrays: ids, labels, parts and states."""

from __future__ import annotations

import numpy as np

from graft.images.sources.arrays import ArrayPart, list_arrays, pixels_state


def test_images_are_numbered_part_by_part() -> None:
    images = np.arange(5 * 4, dtype=np.uint8).reshape(5, 2, 2)
    parts = [ArrayPart("train", images[:3], [0, 1, 0]), ArrayPart("test", images[3:], [1, 0])]
    listing = list_arrays("test", parts, ("cat", "dog"))
    assert listing.records["id"].tolist() == [
        *("train/00000", "train/00001", "train/00002"),
        *("test/00000", "test/00001"),
    ]
    assert listing.records["label"].tolist() == ["cat", "dog", "cat", "dog", "cat"]
    assert listing.records["split"].tolist() == ["train"] * 3 + ["test"] * 2
    np.testing.assert_array_equal(listing.read("test/00001"), images[4])


def test_without_parts_ids_begin_with_the_sources_name() -> None:
    part = ArrayPart(None, np.zeros((2, 2, 2), np.uint8), np.array([0, 1]))
    listing = list_arrays("dots", [part], ("a", "b"), id_digits=2)
    assert listing.records["id"].tolist() == ["dots/00", "dots/01"]
    assert listing.records["split"].isna().all()


def test_the_state_changes_with_any_pixel() -> None:
    pixels = np.zeros((9, 9, 3), np.uint8)
    changed = pixels.copy()
    changed[8, 8, 2] = 1
    assert pixels_state(pixels) == pixels_state(pixels.copy())
    assert pixels_state(pixels) != pixels_state(changed)
    assert pixels_state(changed[::-1]) == pixels_state(changed[::-1].copy())
