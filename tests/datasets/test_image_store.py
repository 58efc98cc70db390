from __future__ import annotations

import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError
from pandas.testing import assert_frame_equal

from graft.datasets import ImageStoreDataset
from graft.datasets.image_store import draw_samples
from graft.images.arrays import SelectedImages
from graft.images.store import ImageStore


def make_store(count: int = 12, size: int = 8, seed: int = 0) -> ImageStore:
    names = ("NA", "007", "ü")
    index = np.arange(count) % len(names)
    manifest = pd.DataFrame(
        {
            "id": ["a,\r\n", "\r", *(f"{i:03}" for i in range(2, count))],
            "label": [names[i] for i in index],
            "split": np.where(np.arange(count) % 4 == 0, "test", "train"),
            "width": 30,
            "height": 20,
            "sha256": [f"{i:064x}" for i in range(count)],
        }
    )
    pixels = np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    return ImageStore(images=pixels, manifest=manifest, class_names=names, source="noise")


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.fixture
def dataset(tmp_path: Path) -> ImageStoreDataset:
    return ImageStoreDataset(filepath=str(tmp_path / "noise-1a2b3c4d"))


def test_a_store_comes_back_mapped_into_memory(dataset: ImageStoreDataset) -> None:
    store = make_store()
    dataset.save(store)
    loaded = dataset.load()
    assert isinstance(loaded.images, np.memmap)
    assert not loaded.images.flags.writeable
    np.testing.assert_array_equal(loaded.images, store.images)
    assert_frame_equal(loaded.manifest, store.manifest)
    assert (loaded.class_names, loaded.source) == (store.class_names, store.source)


def test_a_store_is_three_files_and_their_manifest(dataset: ImageStoreDataset) -> None:
    dataset.save(make_store())
    names = sorted(path.name for path in Path(dataset._describe()["filepath"]).iterdir())
    assert names == ["classes.json", "images.npy", "manifest.csv", "manifest.json"]


def test_equal_stores_are_equal_files(tmp_path: Path) -> None:
    for name in "ab":
        ImageStoreDataset(filepath=str(tmp_path / name)).save(make_store())
    manifests = [(tmp_path / name / "manifest.json").read_text() for name in "ab"]
    assert manifests[0] == manifests[1]


def test_a_missing_store_names_the_command_that_makes_it(dataset: ImageStoreDataset) -> None:
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="run `kedro run --pipeline=ingest`"):
        dataset.load()


def test_a_torn_store_does_not_exist(dataset: ImageStoreDataset, tmp_path: Path) -> None:
    dataset.save(make_store())
    (tmp_path / "noise-1a2b3c4d" / "manifest.csv").write_text("id\n")
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="incomplete"):
        dataset.load()


def test_a_flipped_bit_is_refused_where_the_entry_says_verify(
    dataset: ImageStoreDataset, tmp_path: Path
) -> None:
    dataset.save(make_store())
    flip_a_bit(tmp_path / "noise-1a2b3c4d" / "images.npy")
    assert len(dataset.load().images) == 12
    careful = ImageStoreDataset(filepath=str(tmp_path / "noise-1a2b3c4d"), verify=True)
    with pytest.raises(DatasetError, match=r"images\.npy is not what was saved"):
        careful.load()


def test_a_mapped_store_survives_its_replacement(dataset: ImageStoreDataset) -> None:
    dataset.save(make_store(seed=0))
    mapped = dataset.load()
    dataset.save(make_store(seed=1))
    np.testing.assert_array_equal(mapped.images, make_store(seed=0).images)
    np.testing.assert_array_equal(dataset.load().images, make_store(seed=1).images)


def test_no_room_for_the_images_is_explained(dataset: ImageStoreDataset) -> None:
    dataset.save(make_store())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(DatasetError, match="no room to save"):
            dataset.save(make_store(count=100))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(dataset.load().images) == 12


def test_several_labels_an_image_come_back(dataset: ImageStoreDataset) -> None:
    store = make_store()
    labels, ignored = ["007|ü", "", "NA"] * 4, ["", "NA", "ü"] * 4
    store = replace(
        store, manifest=store.manifest.assign(label=labels, ignored=ignored), multi_label=True
    )
    dataset.save(store)
    loaded = dataset.load()
    assert loaded.multi_label
    assert_frame_equal(loaded.manifest, store.manifest)
    np.testing.assert_array_equal(loaded.targets, store.targets)


def test_a_selection_is_saved_as_an_array_of_its_own(
    dataset: ImageStoreDataset, tmp_path: Path
) -> None:
    store = make_store()
    rows = np.array([1, 2, 7])
    selection = replace(
        store,
        images=SelectedImages(store.images, rows),
        manifest=store.manifest.iloc[rows].reset_index(drop=True),
    )
    dataset.save(selection)
    np.testing.assert_array_equal(dataset.load().images, store.images[rows])


def test_saving_what_was_loaded_links_the_same_file(
    dataset: ImageStoreDataset, tmp_path: Path
) -> None:
    dataset.save(make_store())
    other = ImageStoreDataset(filepath=str(tmp_path / "other"))
    other.save(dataset.load())
    assert (tmp_path / "other/images.npy").samefile(tmp_path / "noise-1a2b3c4d/images.npy")


def test_samples_show_the_first_images_of_each_class() -> None:
    store = make_store()
    picture = np.asarray(draw_samples(store, columns=2, rows=3))
    tiles = picture[18:].reshape(3, 96, 2, 96, 3).transpose(0, 2, 1, 3, 4)
    for row in range(3):
        for column in range(2):
            shown = tiles[row, column, 6::12, 6::12]  # the middle of each enlarged pixel
            np.testing.assert_array_equal(shown, store.images[3 * row + column])
