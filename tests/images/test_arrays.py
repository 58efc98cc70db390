"""Images that need not lie in memory look like an array to whoever reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graft.images import arrays as module
from graft.images.arrays import SelectedImages, in_chunks

IMAGES = np.random.default_rng(0).integers(0, 256, (9, 4, 5, 3), dtype=np.uint8)
ROWS = np.array([7, 0, 3, 3])


@pytest.mark.parametrize(
    "key", [0, -1, np.int64(2), slice(1, 3), slice(None), [2, 0], np.array([True, False] * 2)]
)
def test_a_selection_gives_what_the_selected_array_would(key: Any) -> None:
    selected = SelectedImages(IMAGES, ROWS)
    np.testing.assert_array_equal(selected[key], IMAGES[ROWS][key])
    assert len(selected) == 4
    assert selected.shape == (4, 4, 5, 3)
    assert selected.dtype == np.uint8


@pytest.mark.parametrize("key", [4, -5])
def test_a_selection_ends(key: int) -> None:
    with pytest.raises(IndexError):
        SelectedImages(IMAGES, ROWS)[key]


@pytest.mark.parametrize("chunk_bytes", [1, 150, 10**6])
def test_chunks_are_all_images_once_in_order(
    chunk_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK_BYTES", chunk_bytes)
    chunks = list(in_chunks(IMAGES))
    np.testing.assert_array_equal(np.concatenate([chunk for _, chunk in chunks]), IMAGES)
    for start, chunk in chunks:
        np.testing.assert_array_equal(chunk, IMAGES[start : start + len(chunk)])
