"""Oxford-IIIT Pets: small stand-ins for its images and lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from graft.errors import GraftError
from graft.images.card import dataset_card
from graft.images.sources import oxford_pets
from graft.images.sources.oxford_pets import list_images

from ..image_files import as_published, encode, make_pixels, tar_folders, without_state
from ..ingestion import ingest

TRAINVAL = """\
Abyssinian_100 1 1 1
Abyssinian_101 1 1 1
Abyssinian_9 1 1 1
yorkshire_terrier_1 37 2 25
yorkshire_terrier_2 37 2 25
yorkshire_terrier_3 37 2 25
"""
TEST = "# image class species breed\nAbyssinian_2 1 1 1\n\nyorkshire_terrier_19 37 2 25\n"


@pytest.fixture
def pets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(oxford_pets, "IMAGES", {"train": 6, "test": 2})
    root = tmp_path / "oxford-iiit-pet"
    for name in ("images", "annotations/trimaps"):
        (root / name).mkdir(parents=True)
    (root / "annotations" / "trainval.txt").write_text(TRAINVAL)
    (root / "annotations" / "test.txt").write_text(TEST)
    listed = [line.split()[0] for line in (TRAINVAL + TEST).splitlines() if "_" in line]
    for number, name in enumerate([*listed, "beagle_777"]):
        (root / "images" / f"{name}.jpg").write_bytes(encode(make_pixels(number), "JPEG"))
        (root / "annotations" / "trimaps" / f"{name}.png").write_bytes(encode(make_pixels(0)))
    return root


def test_there_are_37_breeds_in_the_order_of_their_numbers() -> None:
    names = oxford_pets.CLASS_NAMES
    assert len(set(names)) == 37
    assert list(names) == sorted(names, key=str.lower)


def test_the_lists_decide_on_images_classes_and_parts(pets: Path) -> None:
    listing = list_images(pets, Path("not-used"))
    records = without_state(listing).set_index("id")
    assert len(records) == 8
    assert records.loc["Abyssinian_9.jpg"].tolist() == ["Abyssinian", "train"]
    assert records.loc["yorkshire_terrier_19.jpg"].tolist() == ["Yorkshire Terrier", "test"]
    assert listing.read("Abyssinian_2.jpg") == (pets / "images/Abyssinian_2.jpg").read_bytes()


def test_the_official_test_part_reaches_the_store(pets: Path) -> None:
    store = ingest("oxford_pets", pets.parent)
    assert dataset_card(store)["splits"] == {"train": 4, "validation": 2, "test": 2, "unused": 0}
    assert store.num_classes == 37


@pytest.mark.parametrize("name", ["images", "annotations/trainval.txt", "annotations/test.txt"])
def test_what_is_missing_is_named(pets: Path, name: str) -> None:
    (pets / name).rename(pets.parent / "away")
    with pytest.raises(GraftError, match=f"lacks {name}. source.folder has to be a folder with"):
        list_images(pets, Path("not-used"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Abyssinian_9 1 1 1", "Abyssinian_9 2 1 1", "line 'Abyssinian_9 2 1 1' names no breed"),
        ("Abyssinian_9 1 1 1", "Abyssin", "line 'Abyssin' names no breed"),
        ("Abyssinian_9 1 1 1\n", "", "5 train images instead of 6"),
        ("Abyssinian_9 ", "Abyssinian_8 ", r"1 of 8 images are missing, 'Abyssinian_8\.jpg'"),
        ("Abyssinian_9 ", "Abyssinian_2 ", r"'Abyssinian_2\.jpg' twice"),
    ],
)
def test_a_damaged_list_is_refused(pets: Path, old: str, new: str, message: str) -> None:
    (pets / "annotations" / "trainval.txt").write_text(TRAINVAL.replace(old, new))
    with pytest.raises(GraftError, match=message):
        list_images(pets, Path("not-used"))


def test_a_list_that_is_no_text_is_named(pets: Path) -> None:
    (pets / "annotations" / "test.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(GraftError, match=r"test\.txt' cannot be read as a list"):
        list_images(pets, Path("not-used"))


@pytest.mark.usefixtures("no_network")
def test_both_archives_in_the_download_folder_are_unpacked(
    pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(GraftError, match=f"put it into '{tmp_path}/down/oxford_pets'"):
        list_images(None, tmp_path / "down")
    archives = {
        name: as_published(
            tar_folders(tmp_path / "down" / "oxford_pets" / f"{name}.tar.gz", pets / name)
        )
        for name in ("annotations", "images")
    }
    monkeypatch.setattr(oxford_pets, "ARCHIVES", archives)
    assert len(list_images(None, tmp_path / "down").records) == 8
