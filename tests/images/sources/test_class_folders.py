"""Collections that come as class folders: flowers5, eurosat and inaturalist12k."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from graft.errors import GraftError
from graft.images.card import dataset_card
from graft.images.sources import eurosat, flowers5, get_source, inaturalist12k

from ..image_files import as_published, tar_folders, write_classes, zip_folder
from ..ingestion import ingest

COLLECTIONS: Sequence[ModuleType] = (flowers5, eurosat)


@pytest.fixture
def inaturalist(tmp_path: Path) -> Path:
    for part, count in (("train", 4), ("val", 2)):
        write_classes(tmp_path / "inaturalist_12K" / part, inaturalist12k.CLASS_NAMES, count)
    return tmp_path / "inaturalist_12K"


@pytest.mark.parametrize("collection", COLLECTIONS)
@pytest.mark.parametrize("wrapped", ["", "flower_photos", "eurosat/2750"])
def test_class_folders_are_split_by_graft(
    tmp_path: Path, collection: ModuleType, wrapped: str
) -> None:
    folder = write_classes(tmp_path / "copy" / wrapped, collection.CLASS_NAMES)
    (folder / "LICENSE.txt").write_text("CC BY")
    for place in (tmp_path / "copy", zip_folder(tmp_path / "copy", tmp_path / "copy.zip")):
        store = ingest(collection.SPEC.name, place)
        assert store.source == collection.SPEC.name
        assert store.class_names == collection.CLASS_NAMES
        splits = dataset_card(store)["splits"]
        assert all(splits[part] for part in ("train", "validation", "test"))
        assert sum(splits.values()) == 4 * len(collection.CLASS_NAMES)


@pytest.mark.parametrize("name", ["flowers5", "eurosat", "inaturalist12k"])
def test_other_classes_are_refused(class_folder: Path, name: str) -> None:
    with pytest.raises(GraftError, match=r"its classes are cat, dog instead of .*name: folder"):
        get_source(name).list_images(class_folder, Path("not-used"))


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("collection", COLLECTIONS)
def test_without_a_network_the_error_says_what_to_put_where(
    tmp_path: Path, collection: ModuleType
) -> None:
    with pytest.raises(GraftError) as caught:
        collection.list_images(None, tmp_path)
    assert f"put it into '{tmp_path / collection.SPEC.name}'" in str(caught.value)
    assert collection.LAYOUT in str(caught.value)


@pytest.mark.usefixtures("no_network")
def test_the_archive_of_flowers_is_unpacked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = write_classes(tmp_path / "flower_photos", flowers5.CLASS_NAMES)
    archive = tar_folders(tmp_path / "down" / "flowers5" / "flower_photos.tgz", photos)
    monkeypatch.setattr(flowers5, "ARCHIVE", as_published(archive))
    assert len(flowers5.list_images(None, tmp_path / "down").records) == 20
    archive.unlink()
    assert len(flowers5.list_images(None, tmp_path / "down").records) == 20


@pytest.mark.usefixtures("no_network")
def test_the_archive_of_eurosat_is_read_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_classes(tmp_path / "EuroSAT_RGB", eurosat.CLASS_NAMES)
    (tmp_path / "eurosat").mkdir()
    archive = zip_folder(folder, tmp_path / "eurosat" / "EuroSAT_RGB.zip", "EuroSAT_RGB/")
    monkeypatch.setattr(eurosat, "ARCHIVE", as_published(archive))
    listing = eurosat.list_images(None, tmp_path)
    assert listing.read("River/1.png") == (folder / "River" / "1.png").read_bytes()
    assert [path.name for path in (tmp_path / "eurosat").iterdir()] == ["EuroSAT_RGB.zip"]


def test_the_val_folder_of_inaturalist_is_the_test_part(inaturalist: Path) -> None:
    store = ingest("inaturalist12k", inaturalist)
    assert dataset_card(store)["splits"] == {"train": 30, "validation": 10, "test": 20, "unused": 0}
    tested = store.manifest.loc[store.manifest["split"] == "test", "id"]
    assert tested.str.startswith("val/").all()


def test_inaturalist_with_other_parts_is_refused(inaturalist: Path) -> None:
    shutil.copytree(inaturalist / "val", inaturalist / "test")
    with pytest.raises(GraftError, match="and nothing else"):
        inaturalist12k.list_images(inaturalist, Path("not-used"))
    for part in ("test", "val"):
        shutil.rmtree(inaturalist / part)
    with pytest.raises(GraftError, match="must hold train/<class> and val/<class>"):
        inaturalist12k.list_images(inaturalist, Path("not-used"))


def test_inaturalist_is_not_downloaded(tmp_path: Path) -> None:
    assert inaturalist12k.SPEC.needs_folder
    with pytest.raises(GraftError, match="cannot be downloaded"):
        inaturalist12k.list_images(None, tmp_path)
