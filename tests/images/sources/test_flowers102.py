"""Oxford 102 Flowers: small stand-ins for its images and .mat files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from graft.errors import GraftError
from graft.images.card import dataset_card
from graft.images.sources import flowers102
from graft.images.sources.flowers102 import CLASS_NAMES, list_images

from ..image_files import as_published, encode, make_pixels, tar_folders, without_state
from ..ingestion import ingest

LABELS = np.array([[1, 1, 1, 102, 102, 102, 102, 1]])  # of the images 1 to 8


def write_set_ids(root: Path, train: list[int], valid: list[int], test: list[int]) -> None:
    savemat(root / "setid.mat", {"trnid": [train], "valid": [valid], "tstid": [test]})


@pytest.fixture
def flowers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(flowers102, "IMAGES", {"train": 2, "validation": 2, "test": 4})
    root = tmp_path / "flowers-102"
    (root / "jpg").mkdir(parents=True)
    for number in range(1, 9):
        picture = encode(make_pixels(number), "JPEG")
        (root / "jpg" / f"image_{number:05d}.jpg").write_bytes(picture)
    savemat(root / "imagelabels.mat", {"labels": LABELS.astype(np.uint8)})
    write_set_ids(root, [8, 4], [1, 5], [2, 3, 6, 7])
    return root


def test_the_names_are_in_the_order_of_the_labels() -> None:
    from torchvision.datasets import Flowers102

    assert list(CLASS_NAMES) == Flowers102.classes


def test_images_have_the_class_and_the_part_that_the_files_give(flowers: Path) -> None:
    records = without_state(list_images(flowers, Path("not-used"))).set_index("id")
    assert records.loc["image_00008.jpg"].tolist() == ["pink primrose", "train"]
    assert records.loc["image_00005.jpg"].tolist() == ["blackberry lily", "validation"]
    assert records.loc["image_00006.jpg"].tolist() == ["blackberry lily", "test"]


def test_the_official_parts_reach_the_store(flowers: Path) -> None:
    store = ingest("flowers102", flowers.parent)
    assert dataset_card(store)["splits"] == {"train": 2, "validation": 2, "test": 4, "unused": 0}
    assert store.num_classes == 102


@pytest.mark.parametrize("name", ["jpg", "imagelabels.mat", "setid.mat"])
def test_what_is_missing_is_named(flowers: Path, name: str) -> None:
    (flowers / name).rename(flowers.parent / "away")
    with pytest.raises(GraftError, match=f"lacks {name}. source.folder has to be a folder with"):
        list_images(flowers, Path("not-used"))


@pytest.mark.parametrize("name", ["imagelabels.mat", "setid.mat"])
@pytest.mark.parametrize("length", [0, 100, -20])
def test_a_torn_mat_file_is_named(flowers: Path, name: str, length: int) -> None:
    (flowers / name).write_bytes((flowers / name).read_bytes()[:length])
    with pytest.raises(GraftError, match=f"{name}' is damaged, or not that of Oxford"):
        list_images(flowers, Path("not-used"))


def test_a_mat_file_of_something_else_is_named(flowers: Path) -> None:
    savemat(flowers / "imagelabels.mat", {"names": ["a"]})
    with pytest.raises(GraftError, match=r"imagelabels\.mat' is damaged, or not that of Oxford"):
        list_images(flowers, Path("not-used"))


@pytest.mark.parametrize("number", [0, 9])
def test_an_image_without_a_label_is_named(flowers: Path, number: int) -> None:
    write_set_ids(flowers, [number, 4], [1, 5], [2, 3, 6, 7])
    with pytest.raises(GraftError, match=f"give image {number} no class"):
        list_images(flowers, Path("not-used"))


def test_an_image_in_two_parts_is_refused(flowers: Path) -> None:
    write_set_ids(flowers, [8, 4], [1, 5], [2, 3, 6, 4])
    with pytest.raises(GraftError, match=r"image_00004\.jpg' twice"):
        list_images(flowers, Path("not-used"))


def test_other_parts_than_the_published_are_refused(flowers: Path) -> None:
    write_set_ids(flowers, [8, 4, 6, 7], [1, 5], [2, 3])
    with pytest.raises(GraftError, match="4 train images instead of 2"):
        list_images(flowers, Path("not-used"))


def test_a_missing_image_is_named(flowers: Path) -> None:
    (flowers / "jpg" / "image_00002.jpg").unlink()
    with pytest.raises(GraftError, match=r"1 of 8 images are missing, 'image_00002\.jpg'"):
        list_images(flowers, Path("not-used"))


@pytest.mark.usefixtures("no_network")
def test_archives_in_the_download_folder_are_unpacked(
    flowers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(GraftError, match=f"put it into '{tmp_path}/down/flowers102'"):
        list_images(None, tmp_path / "down")
    root = tmp_path / "down" / "flowers102"
    archive = tar_folders(root / "102flowers.tgz", flowers / "jpg")
    monkeypatch.setattr(flowers102, "ARCHIVE", as_published(archive))
    for constant, name in (("LABELS", "imagelabels.mat"), ("SET_IDS", "setid.mat")):
        (flowers / name).rename(root / name)
        monkeypatch.setattr(flowers102, constant, as_published(root / name))
    assert len(list_images(None, tmp_path / "down").records) == 8
