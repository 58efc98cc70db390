"""Saving a plan decodes it: once, and never half. Kills: test_killed_decoding.py."""

from __future__ import annotations

import json
import logging
import resource
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError

from graft import storage
from graft.datasets import DecodedImagesDataset
from graft.images import decoder, decoding_processes
from graft.images.decode import DecodingPlan, decode_images

from ..images.image_files import encode, make_pixels
from ..images.listings import listing_of
from .decoding import Reads, assert_same, names_in

Contents = dict[str, Any]


@pytest.fixture
def contents() -> Contents:
    """20 images with odd names, one of them torn."""
    names = [f"{number:03}" for number in range(17)] + ['a,"b"\r\n/c.png', "x\ry", "NA"]
    images: Contents = {name: encode(make_pixels(seed, 8, 8)) for seed, name in enumerate(names)}
    images["007"] = b"torn"
    return images


@pytest.fixture
def dataset(tmp_path: Path) -> DecodedImagesDataset:
    return DecodedImagesDataset(filepath=str(tmp_path / "decoded" / "test-1a2b3c4d"))


# --- Once -----------------------------------------------------------------------------------------


def test_what_is_loaded_is_what_decoding_in_memory_gives(
    dataset: DecodedImagesDataset, contents: Contents
) -> None:
    listing = listing_of(contents)
    dataset.save(DecodingPlan(listing, 8, 10**6))
    loaded = dataset.load()
    assert isinstance(loaded.images, np.memmap)
    assert not loaded.images.flags.writeable
    assert_same(loaded, decode_images(listing, 8, max_pixels=10**6))


def test_the_preview_counts_what_can_be_used(
    dataset: DecodedImagesDataset, contents: Contents
) -> None:
    dataset.save(DecodingPlan(listing_of(contents), 8, 10**6))
    told = json.loads(dataset.preview())
    assert (told["images"], told["quarantined"], told["side_in_pixels"]) == (19, 1, 8)


def test_parts_and_ignored_classes_come_back(
    dataset: DecodedImagesDataset, contents: Contents
) -> None:
    listing = listing_of(contents)
    records = listing.records.assign(label=["cat|dog", ""] * 10, split=["train", None] * 10)
    records["ignored"] = ["", "dog"] * 10
    listing = replace(listing, records=records, multi_label=True)
    dataset.save(DecodingPlan(listing, 8, 10**6))
    assert_same(dataset.load(), decode_images(listing, 8, max_pixels=10**6))


def test_the_same_images_are_not_decoded_again(
    dataset: DecodedImagesDataset, contents: Contents, caplog: pytest.LogCaptureFixture
) -> None:
    dataset.save(DecodingPlan(listing_of(contents), 8, 10**6))
    again = Reads(listing_of(contents))
    with caplog.at_level(logging.INFO, "graft"):
        dataset.save(again.plan)
    assert again.ids == []
    assert "20 images are decoded already" in caplog.text


def test_other_labels_are_written_without_decoding(
    dataset: DecodedImagesDataset, contents: Contents
) -> None:
    dataset.save(DecodingPlan(listing_of(contents), 8, 10**6))
    before = dataset.load()
    listing = listing_of(contents, labels=("fox", "cat"))
    relabelled = replace(listing, records=listing.records.assign(split="train"))
    again = Reads(relabelled)
    dataset.save(again.plan)
    assert again.ids == []
    loaded = dataset.load()
    assert_same(loaded, decode_images(relabelled, 8, max_pixels=10**6))
    np.testing.assert_array_equal(before.images, loaded.images)


Change = Callable[[Contents], tuple[Contents, dict[str, str], list[str]]]


def change_one(contents: Contents) -> tuple[Contents, dict[str, str], list[str]]:
    return contents | {"003": encode(make_pixels(99, 8, 8))}, {"003": "changed"}, ["003"]


def mend_one(contents: Contents) -> tuple[Contents, dict[str, str], list[str]]:
    return contents | {"007": encode(make_pixels(99, 8, 8))}, {"007": "changed"}, ["007"]


def add_one(contents: Contents) -> tuple[Contents, dict[str, str], list[str]]:
    return {"new": encode(make_pixels(99, 8, 8)), **contents}, {}, ["new"]


def remove_one(contents: Contents) -> tuple[Contents, dict[str, str], list[str]]:
    return {name: content for name, content in contents.items() if name != "002"}, {}, []


def reorder(contents: Contents) -> tuple[Contents, dict[str, str], list[str]]:
    return {name: contents[name] for name in reversed(contents)}, {}, []


@pytest.mark.parametrize("change", [change_one, mend_one, add_one, remove_one, reorder])
def test_only_what_has_changed_is_decoded_again(
    dataset: DecodedImagesDataset, contents: Contents, change: Change
) -> None:
    dataset.save(DecodingPlan(listing_of(contents), 8, 10**6))
    changed, states, decoded = change(contents)
    again = Reads(listing_of(changed, **states))
    dataset.save(again.plan)
    assert again.ids == decoded
    assert_same(dataset.load(), decode_images(again.plan.listing, 8, max_pixels=10**6))


@pytest.mark.parametrize("changed", ["size", "max_pixels", "rule", "pillow"])
def test_by_another_rule_everything_is_decoded_again(
    dataset: DecodedImagesDataset,
    contents: Contents,
    changed: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset.save(DecodingPlan(listing_of(contents), 8, 10**6))
    if changed == "rule":
        monkeypatch.setattr("graft.images.decode.RULE", decoder.RULE + 1)
    if changed == "pillow":
        monkeypatch.setattr("PIL.__version__", "99.0")
    size = 12 if changed == "size" else 8
    again = Reads(listing_of(contents), size, 10**5 if changed == "max_pixels" else 10**6)
    dataset.save(again.plan)
    assert sorted(again.ids) == sorted(contents)
    assert dataset.load().images.shape == (19, size, size, 3)


def test_what_could_not_be_read_is_tried_again(
    dataset: DecodedImagesDataset, contents: Contents
) -> None:
    locked = contents | {"005": PermissionError(13, "Permission denied")}
    dataset.save(DecodingPlan(listing_of(locked), 8, 10**6))
    assert dataset.load().quarantine["id"].tolist() == ["005", "007"]
    still = Reads(listing_of(locked))
    dataset.save(still.plan)
    assert still.ids == ["005"]
    again = Reads(listing_of(contents))
    dataset.save(again.plan)
    assert set(again.ids) == {"005"}
    assert_same(dataset.load(), decode_images(listing_of(contents), 8, max_pixels=10**6))


# --- Never half -----------------------------------------------------------------------------------


def test_nothing_is_there_before_it_is_complete(
    dataset: DecodedImagesDataset, contents: Contents
) -> None:
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="run `kedro run --pipeline=ingest`"):
        dataset.load()
    there: list[bool] = []

    def read(image: str) -> Any:
        there.append(dataset.exists())
        return contents[image]

    dataset.save(DecodingPlan(replace(listing_of(contents), read=read), 8, 10**6))
    assert there == [False] * 20
    assert dataset.exists()


def test_a_torn_folder_does_not_exist_and_is_made_anew(
    dataset: DecodedImagesDataset, contents: Contents
) -> None:
    plan = DecodingPlan(listing_of(contents), 8, 10**6)
    dataset.save(plan)
    (dataset._filepath / "outcomes.csv").write_text("")
    assert not dataset.exists()
    dataset.save(plan)
    assert_same(dataset.load(), decode_images(plan.listing, 8, max_pixels=10**6))


def test_no_room_is_explained_before_anything_is_decoded(
    dataset: DecodedImagesDataset, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    plan = Reads(listing_of(contents))
    with pytest.raises(DatasetError, match=r"no room .* need 3,840 bytes more, .* 1,000 bytes"):
        dataset.save(plan.plan)
    assert plan.ids == []


def test_a_disk_that_fills_up_is_explained_and_the_next_run_goes_on(
    dataset: DecodedImagesDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding_processes, "BATCH_ROWS", 4)
    monkeypatch.setattr("graft.datasets.decoded_images.SYNC_SECONDS", 0)
    contents = {f"{seed:03}": encode(make_pixels(seed, 32, 32)) for seed in range(20)}
    dataset.save(DecodingPlan(listing_of(dict(list(contents.items())[:3])), 32, 10**6))
    before = dataset.load()

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))  # twelve images
    try:
        with pytest.raises(DatasetError, match=r"no room to save .* Free some space"):
            dataset.save(DecodingPlan(listing_of(contents), 32, 10**6))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert_same(dataset.load(), before)

    again = Reads(listing_of(contents), 32)
    dataset.save(again.plan)
    assert 0 < len(again.ids) < 17
    assert_same(dataset.load(), decode_images(listing_of(contents), 32, max_pixels=10**6))
    assert names_in(dataset._filepath.parent) == [dataset._filepath.name]


# --- Shared ---------------------------------------------------------------------------------------


def test_a_store_that_shares_the_pixels_outlives_their_change(
    dataset: DecodedImagesDataset, contents: Contents, tmp_path: Path
) -> None:
    from graft.datasets import ImageStoreDataset
    from graft.images.store import build_store

    dataset.save(DecodingPlan(listing_of(contents), 8, 10**6))
    decoded = dataset.load()
    store = ImageStoreDataset(filepath=str(tmp_path / "store"))
    store.save(build_store(decoded, pd.Series(["train"] * 19)))
    assert (tmp_path / "store/images.npy").samefile(dataset._filepath / "images.npy")
    expected = np.array(decoded.images)
    changed, states, _ = change_one(contents)
    dataset.save(DecodingPlan(listing_of(changed, **states), 8, 10**6))
    dataset.save(DecodingPlan(listing_of(changed, **states), 12, 10**6))
    np.testing.assert_array_equal(store.load().images, expected)
    storage.verify(tmp_path / "store")
