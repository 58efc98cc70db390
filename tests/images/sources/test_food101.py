"""Food-101: small stand-ins for its images and lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from graft.errors import GraftError
from graft.images.card import dataset_card
from graft.images.sources import food101
from graft.images.sources.food101 import list_images

from ..image_files import as_published, encode, make_pixels, tar_folders, without_state
from ..ingestion import ingest

LISTS = {
    "train": ["waffles/7", "apple_pie/1", "apple_pie/2", "waffles/8"],
    "test": ["apple_pie/3", "waffles/9"],
}


@pytest.fixture
def food(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(food101, "IMAGES", {"train": 4, "test": 2})
    monkeypatch.setattr(food101, "NUM_CLASSES", 2)
    root = tmp_path / "food-101"
    (root / "meta").mkdir(parents=True)
    for part, names in LISTS.items():
        (root / "meta" / f"{part}.txt").write_text("\n".join(names))
        for name in names:
            path = root / "images" / f"{name}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode(make_pixels(int(path.stem)), "JPEG"))
    return root


def test_the_lists_decide_on_classes_and_parts(food: Path) -> None:
    listing = list_images(food, Path("not-used"))
    assert listing.class_names == ("apple_pie", "waffles")
    records = without_state(listing).set_index("id")
    assert records.loc["waffles/7.jpg"].tolist() == ["waffles", "train"]
    assert records.loc["apple_pie/3.jpg"].tolist() == ["apple_pie", "test"]
    assert listing.read("waffles/9.jpg") == (food / "images/waffles/9.jpg").read_bytes()


def test_the_official_test_part_reaches_the_store(food: Path) -> None:
    card = dataset_card(ingest("food101", food.parent))
    assert card["splits"] == {"train": 2, "validation": 2, "test": 2, "unused": 0}


@pytest.mark.parametrize("name", ["images", "meta/train.txt", "meta/test.txt"])
def test_what_is_missing_is_named(food: Path, name: str) -> None:
    (food / name).rename(food.parent / "away")
    with pytest.raises(GraftError, match=f"lacks {name}. source.folder has to be a folder with"):
        list_images(food, Path("not-used"))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["apple_pie/1", "apple_pie/2", "waffles/7"], "3 train images instead of 4"),
        ([*LISTS["train"], "waff"], "its lists name 3 classes instead of 2"),
        (["apple_pie/1", "apple_pie/1", "waffles/7", "waffles/8"], r"'apple_pie/1\.jpg' twice"),
        (["apple_pie/1", "apple_pie/4", "waffles/7", "waffles/8"], "1 of 6 images are missing"),
        ([], "0 train images instead of 4"),
    ],
)
def test_a_damaged_list_is_refused(food: Path, names: list[str], message: str) -> None:
    (food / "meta" / "train.txt").write_text("\n".join(names))
    with pytest.raises(GraftError, match=message):
        list_images(food, Path("not-used"))


@pytest.mark.usefixtures("no_network")
def test_the_archive_in_the_download_folder_is_unpacked(
    food: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(GraftError, match=f"put it into '{tmp_path}/down/food101'"):
        list_images(None, tmp_path / "down")
    archive = tar_folders(tmp_path / "down" / "food101" / "food-101.tar.gz", food)
    monkeypatch.setattr(food101, "ARCHIVE", as_published(archive))
    assert len(list_images(None, tmp_path / "down").records) == 6
