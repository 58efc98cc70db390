"""Saving a search runs it once, and again when anything that it compares has changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graft.datasets import DuplicatePairsDataset
from graft.images import duplicates
from graft.images.duplicates import DuplicateSearch, find_duplicates


@pytest.fixture
def search() -> DuplicateSearch:
    """Ten images, the first of which is there twice, once with another label."""
    images = np.random.default_rng(0).integers(0, 256, (10, 20, 20, 3), dtype=np.uint8)
    images[9] = images[0]
    ids = ["a,\r", *(f"00{number}" for number in range(9))]
    return DuplicateSearch(images, pd.DataFrame({"id": ids, "label": ["NA", ""] * 5}))


@pytest.fixture
def dataset(tmp_path: Path) -> DuplicatePairsDataset:
    return DuplicatePairsDataset(filepath=str(tmp_path / "pairs.csv"))


def test_what_is_loaded_is_what_was_found(
    dataset: DuplicatePairsDataset, search: DuplicateSearch
) -> None:
    dataset.save(search)
    expected = find_duplicates(search.images, search.records)
    assert expected["labels_differ"].tolist() == [True]
    pd.testing.assert_frame_equal(dataset.load(), expected, check_dtype=False)


def test_no_pairs_are_an_empty_table(
    dataset: DuplicatePairsDataset, search: DuplicateSearch
) -> None:
    alone = DuplicateSearch(search.images[:5], search.records.head(5))
    dataset.save(alone)
    assert dataset.load().empty
    assert dataset.load().columns.tolist() == list(duplicates.PAIR_COLUMNS)


def test_the_same_images_are_not_compared_again(
    dataset: DuplicatePairsDataset, search: DuplicateSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset.save(search)
    before = dataset.load()
    monkeypatch.setattr(duplicates, "find_duplicates", None)
    dataset.save(replace(search, images=search.images.copy()))
    pd.testing.assert_frame_equal(dataset.load(), before)


@pytest.mark.parametrize("changed", ["pixel", "id", "label", "rule"])
def test_whatever_changes_is_compared_again(
    dataset: DuplicatePairsDataset,
    search: DuplicateSearch,
    changed: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset.save(search)
    if changed == "pixel":
        search.images[3] = search.images[4]
    elif changed == "rule":
        monkeypatch.setattr(duplicates, "RULE", duplicates.RULE + 1)
    else:
        search.records.loc[0, changed] = "new"
    dataset.save(search)
    expected = find_duplicates(search.images, search.records)
    pd.testing.assert_frame_equal(dataset.load(), expected, check_dtype=False)
    assert dataset._compared() == search.digest
