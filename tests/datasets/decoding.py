"""What several tests ask of a decoding: what it has read, and what has become of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from graft.images.decode import DecodedImages, DecodingPlan
from graft.images.listing import ImageListing


class Reads:
    """A plan whose listing notes what is read."""

    def __init__(self, listing: ImageListing, size: int = 8, max_pixels: int = 10**6):
        self.ids: list[str] = []

        def read(image: str) -> Any:
            self.ids.append(image)
            return listing.read(image)

        self.plan = DecodingPlan(replace(listing, read=read), size, max_pixels)


def assert_same(found: DecodedImages, expected: DecodedImages) -> None:
    np.testing.assert_array_equal(found.images[:], expected.images[:])
    for table, other in (
        (found.records, expected.records),
        (found.quarantine, expected.quarantine),
    ):
        assert table.columns.tolist() == other.columns.tolist()
        assert table.fillna("none").to_numpy().tolist() == other.fillna("none").to_numpy().tolist()
    assert found.class_names == expected.class_names
    assert (found.source, found.multi_label) == (expected.source, expected.multi_label)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
