"""From source to card, on real files and on the digits."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from graft.errors import GraftError
from graft.images.card import dataset_card
from graft.images.decode import decode_images
from graft.images.sources import get_source

from .image_files import encode, make_pixels, write_classes, zip_folder
from .ingestion import ingest


def test_the_digits_come_through_whole() -> None:
    store = ingest("digits", None, size=8)
    card = dataset_card(store)
    assert card["splits"] == {"train": 1150, "validation": 288, "test": 359, "unused": 0}
    assert store.images.max() == 255
    assert card["channel_mean"][0] == card["channel_mean"][1] == card["channel_mean"][2]


def test_a_folder_with_many_bad_files_is_ingested_without_them(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "pets", count=40)
    good = encode(make_pixels(5, 64, 64))
    bad = folder / "cat"
    for number in range(20):
        (bad / f"bad{number}.png").write_bytes(good[: 10 + 3 * number])
    (bad / "text.jpg").write_text("not an image")
    (bad / "empty.gif").touch()
    (bad / "dangling.png").symlink_to(tmp_path / "nowhere.png")
    (bad / "again").symlink_to(folder, target_is_directory=True)
    (bad / "loop.png").symlink_to(bad / "loop.png")
    listing = get_source("folder").list_images(folder, tmp_path)
    decoded = decode_images(listing, 16, max_pixels=10**6)
    assert len(decoded.records) == 80
    assert len(decoded.quarantine) == 24
    assert (decoded.quarantine["reason"] != "").all()
    assert ingest("folder", folder).images.shape == (80, 16, 16, 3)


@pytest.mark.parametrize("image", ["dog/0.JPG", "dog/3.png"])
def test_pixels_stand_beside_their_own_row(class_folder: Path, image: str) -> None:
    (class_folder / "cat" / "1.png").write_bytes(b"bad: every later image moves up by one")
    store = ingest("folder", class_folder)
    row = store.manifest.index[store.manifest["id"] == image][0]
    alone = class_folder.parent / "alone"
    for label in ("cat", "dog"):
        (alone / label).mkdir(parents=True)
        for name in ("a", "b", "c"):
            shutil.copy(class_folder / image, alone / label / f"{name}{Path(image).suffix}")
    np.testing.assert_array_equal(store.images[row], ingest("folder", alone).images[0])
    assert store.class_names[store.targets[row]] == "dog"


def test_a_zip_gives_the_same_store_as_its_folder(class_folder: Path, tmp_path: Path) -> None:
    unpacked = ingest("folder", class_folder)
    zipped = ingest("folder", zip_folder(class_folder, tmp_path / "pets.zip", "pets/"))
    np.testing.assert_array_equal(zipped.images, unpacked.images)
    assert zipped.manifest.equals(unpacked.manifest)


def test_a_class_of_bad_images_only_is_named(class_folder: Path) -> None:
    (class_folder / "bird").mkdir()
    (class_folder / "bird" / "0.png").write_bytes(b"bad")
    with pytest.raises(GraftError, match="'bird' has 0 usable images"):
        ingest("folder", class_folder)


def test_given_parts_reach_the_store(split_folder: Path) -> None:
    store = ingest("folder", split_folder)
    assert dataset_card(store)["splits"] == {"train": 8, "validation": 4, "test": 6, "unused": 0}
