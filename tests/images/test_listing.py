"""A listing that contradicts itself is refused when it is made."""

from __future__ import annotations

import pandas as pd
import pytest

from graft.images.listing import ImageListing


def make_listing(ids: list[str], labels: list[str]) -> ImageListing:
    records = pd.DataFrame({"id": ids, "label": labels, "split": None, "state": ""})
    return ImageListing("test", records, ("cat", "dog"), lambda image: b"")


def test_an_id_that_occurs_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="'a' occurs twice"):
        make_listing(["a", "a"], ["cat", "dog"])


def test_a_label_that_is_no_class_is_refused() -> None:
    with pytest.raises(ValueError, match="bird"):
        make_listing(["a", "b"], ["cat", "bird"])


def test_missing_columns_are_named() -> None:
    with pytest.raises(ValueError, match=r"\['split', 'state'\]"):
        ImageListing("test", pd.DataFrame({"id": [], "label": []}), (), lambda image: b"")
