"""Class folders: the layouts that are understood, and the mistakes that are named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from graft.errors import GraftError
from graft.images.listing import ImageListing
from graft.images.sources import folder as source

from ..image_files import encode, make_pixels, without_state, write_classes, zip_folder


def list_images(folder: Path | None) -> ImageListing:
    return source.list_images(folder, Path("not-used"))


def test_folders_are_classes(class_folder: Path) -> None:
    listing = list_images(class_folder)
    assert listing.class_names == ("cat", "dog")
    assert listing.records["label"].value_counts().to_dict() == {"cat": 4, "dog": 4}
    assert listing.records["split"].isna().all()
    first = listing.records["id"].iloc[0]
    assert first == "cat/0.JPG"
    assert listing.read(first) == (class_folder / first).read_bytes()


def test_images_in_deeper_folders_belong_to_their_class(class_folder: Path) -> None:
    (class_folder / "cat" / "kittens").mkdir()
    (class_folder / "cat" / "kittens" / "9.png").write_bytes(encode(make_pixels(9)))
    records = list_images(class_folder).records.set_index("id")
    assert records.loc["cat/kittens/9.png", "label"] == "cat"


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "VALID", "Test")])
def test_given_parts_are_kept(split_folder: Path, names: tuple[str, str, str]) -> None:
    for old, new in zip(("train", "val", "test"), names, strict=True):
        (split_folder / old).rename(split_folder / new)
    listing = list_images(split_folder)
    assert listing.class_names == ("cat", "dog")
    assert listing.records["split"].value_counts().to_dict() == {
        "train": 8,
        "validation": 4,
        "test": 6,
    }
    assert listing.read(f"{names[2]}/dog/1.png")


def test_a_validation_folder_is_not_the_test_set(split_folder: Path) -> None:
    shutil.rmtree(split_folder / "test")
    assert set(list_images(split_folder).records["split"]) == {"train", "validation"}


def test_a_class_may_be_called_like_a_part(tmp_path: Path) -> None:
    listing = list_images(write_classes(tmp_path / "vehicles", ("bus", "train")))
    assert listing.class_names == ("bus", "train")
    assert listing.records["split"].isna().all()


@pytest.mark.parametrize("prefix", ["", "pets-main/", "download/pets-main/"])
@pytest.mark.parametrize("layout", ["class_folder", "split_folder"])
def test_a_zip_gives_the_same_listing_as_its_folder(
    request: pytest.FixtureRequest, tmp_path: Path, layout: str, prefix: str
) -> None:
    folder = request.getfixturevalue(layout)
    unpacked = list_images(folder)
    zipped = list_images(zip_folder(folder, tmp_path / "pets.zip", prefix))
    assert without_state(zipped).equals(without_state(unpacked))
    assert zipped.class_names == unpacked.class_names
    image = unpacked.records["id"].iloc[-1]
    assert zipped.read(image) == unpacked.read(image)


def test_images_outside_of_the_classes_are_passed_over_with_a_warning(
    split_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = list_images(split_folder).records
    for stray in ("logo.png", "train/logo.png", "test/logo.png"):
        (split_folder / stray).write_bytes(encode(make_pixels(0)))
    assert list_images(split_folder).records.equals(before)
    assert "3 images" in caplog.text


def test_no_folder_is_an_error_that_names_the_parameter() -> None:
    with pytest.raises(GraftError, match=r"source\.folder"):
        list_images(None)


@pytest.mark.parametrize("empty", ["train/bird", "test/bird"])
def test_a_class_without_images_is_named(split_folder: Path, empty: str) -> None:
    (split_folder / empty).mkdir()
    with pytest.raises(GraftError, match=f"'{empty}' holds no image file"):
        list_images(split_folder)


def test_one_class_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(GraftError, match="only the class 'cat'"):
        list_images(write_classes(tmp_path / "pets", ("cat",)))


def test_images_without_class_folders_are_explained(tmp_path: Path) -> None:
    for part in ("train", "test"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "cat.0.png").write_bytes(encode(make_pixels(0)))
    with pytest.raises(GraftError, match="no class folder"):
        list_images(tmp_path)


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_parts_with_different_classes_are_refused(split_folder: Path, part: str) -> None:
    write_classes(split_folder / part, ("bird",), count=1)
    with pytest.raises(GraftError, match=r"'bird' is in the .* but not in the"):
        list_images(split_folder)


def test_parts_without_a_training_part_are_refused(split_folder: Path) -> None:
    shutil.rmtree(split_folder / "train")
    with pytest.raises(GraftError, match="no 'train'"):
        list_images(split_folder)


def test_two_folders_for_one_part_are_refused(split_folder: Path) -> None:
    write_classes(split_folder / "validation", count=1)
    with pytest.raises(GraftError, match="two mean the same part"):
        list_images(split_folder)


def test_classes_beside_parts_are_refused(split_folder: Path) -> None:
    write_classes(split_folder, ("bird",), count=1)
    with pytest.raises(GraftError, match="'bird' lie beside the parts"):
        list_images(split_folder)
