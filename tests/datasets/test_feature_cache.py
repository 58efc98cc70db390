"""Features come back as they were put, or are made again: a cache stops no run."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path

import numpy as np
import pytest
from kedro.io import DatasetError

from graft.datasets import FeatureCacheDataset
from graft.datasets.feature_cache import FEATURES, FeatureFolder
from graft.probes.feature_cache import KnownFeatures

KEYS = [character * 64 for character in "0123"]


def make(images: int = 5, first: int = 0) -> KnownFeatures:
    numbers = np.arange(first, first + images)
    digests = np.repeat(numbers.astype(np.uint8)[:, None], 32, axis=1)
    matrix = np.repeat(numbers.astype(np.float32)[:, None], 7, axis=1)
    return KnownFeatures(digests, matrix, np.ones(images, np.float32), {"stage2": 4, "pooled": 3})


def folder_of(path: Path, max_gigabytes: float = 1.0) -> FeatureFolder:
    return FeatureCacheDataset(filepath=str(path), max_gigabytes=max_gigabytes).load()


@pytest.fixture
def folder(tmp_path: Path) -> FeatureFolder:
    return folder_of(tmp_path / "cache")


def assert_same(found: KnownFeatures | None, expected: KnownFeatures) -> None:
    assert found is not None
    for name in ("digests", "matrix", "seconds"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
        assert getattr(found, name).dtype == getattr(expected, name).dtype
    assert list(found.columns.items()) == list(expected.columns.items())


def test_features_come_back_as_they_were(folder: FeatureFolder) -> None:
    assert folder.get(KEYS[0]) is None
    folder.put(KEYS[0], make())
    assert_same(folder.get(KEYS[0]), make())
    assert folder.get(KEYS[1]) is None
    folder.put(KEYS[0], make(9))
    assert_same(folder.get(KEYS[0]), make(9))


@pytest.mark.parametrize("damage", ["torn", "flipped", "no manifest", "no features"])
def test_what_is_damaged_is_made_again(
    folder: FeatureFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    folder.put(KEYS[0], make())
    file = tmp_path / "cache" / KEYS[0] / FEATURES
    content = file.read_bytes()
    if damage == "torn":
        file.write_bytes(content[:-10])
    elif damage == "flipped":
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "no manifest":
        (file.parent / "manifest.json").unlink()
    else:
        file.unlink()
    with caplog.at_level(logging.WARNING):
        assert folder.get(KEYS[0]) is None
    assert "made again" in caplog.text
    folder.put(KEYS[0], make())
    assert_same(folder.get(KEYS[0]), make())


def test_a_full_disk_is_a_warning(
    folder: FeatureFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder.put(KEYS[0], make())

    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(Path, "write_bytes", full)
        folder.put(KEYS[0], make(9))
    assert "no room" in caplog.text
    assert_same(folder.get(KEYS[0]), make())


def test_what_has_been_unused_for_longest_goes_first(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    folder_of(path).put(KEYS[0], make(1000))
    size = (path / KEYS[0] / FEATURES).stat().st_size
    folder = folder_of(path, max_gigabytes=2.5 * size / 2**30)
    folder.put(KEYS[1], make(1000))
    for age, key in enumerate([KEYS[1], KEYS[0]], start=1):
        os.utime(path / key, (1e9 - age, 1e9 - age))
    assert folder.get(KEYS[0]) is not None  # a use
    (path / "mine.txt").write_text("nobody else's business")
    folder.put(KEYS[2], make(1000))
    assert {entry.name for entry in path.iterdir()} == {KEYS[0], KEYS[2], "mine.txt"}


def test_more_than_the_folder_may_hold_is_cut(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, max_gigabytes=3.5 * make().bytes_of_each / 2**30)
    folder.put(KEYS[0], make(5))
    assert_same(folder.get(KEYS[0]), make(3))


def test_nothing_is_kept_where_there_is_no_room_at_all(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "cache", max_gigabytes=0.0)
    folder.put(KEYS[0], make())
    assert folder.get(KEYS[0]) is None
    assert not (tmp_path / "cache").exists()


def test_a_run_cannot_save_to_the_entry_itself(tmp_path: Path) -> None:
    dataset = FeatureCacheDataset(filepath=str(tmp_path), max_gigabytes=1.0)
    assert dataset.exists()
    with pytest.raises(DatasetError, match="can only be loaded"):
        dataset.save(make())
