"""scikit-learn's digits as a source."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from graft.images.sources.digits import list_images


def test_digits_are_listed_in_full(tmp_path: Path) -> None:
    listing = list_images(None, tmp_path)
    assert len(listing.records) == 1797
    assert listing.class_names == tuple("0123456789")
    assert listing.records["split"].isna().all()
    assert listing.records["id"].iloc[1] == "digits/0001"
    assert not list(tmp_path.iterdir())


def test_pixels_use_the_whole_range_and_belong_to_their_label(tmp_path: Path) -> None:
    listing = list_images(None, tmp_path)
    original = load_digits()
    for index in (0, 1, 1796):
        record = listing.records.iloc[index]
        pixels = listing.read(record["id"])
        assert isinstance(pixels, np.ndarray)
        assert pixels.dtype == np.uint8
        assert record["label"] == str(original.target[index])
        np.testing.assert_array_equal(np.rint(pixels / 255 * 16), original.images[index])
    assert max(np.max(listing.read(image)) for image in listing.records["id"][:20]) == 255
