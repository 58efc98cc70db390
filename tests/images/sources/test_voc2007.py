"""PASCAL VOC 2007: small stand-ins for its images, annotations and lists."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from graft.classes import split_label
from graft.errors import GraftError
from graft.images.listing import ImageListing
from graft.images.sources import voc2007
from graft.images.sources.voc2007 import list_images, read_annotation

from ..image_files import as_published, without_state
from ..ingestion import ingest
from ..labelled_files import VOC_PARTS, annotation, write_voc

TRAINVAL = {part: VOC_PARTS[part] for part in ("train", "validation")}
TEST = {"test": VOC_PARTS["test"]}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the stand-in count as the published collection."""
    sizes = {part: len(images) for part, images in VOC_PARTS.items()}
    monkeypatch.setattr(voc2007, "IMAGES", sizes)


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    return write_voc(tmp_path / "copy" / "VOCdevkit")


def labels_of(listing: ImageListing) -> dict[str, tuple[str, str]]:
    records = listing.records
    rows = zip(records["id"], records["label"], records["ignored"], strict=True)
    return {image: (label, ignored) for image, label, ignored in rows}


def test_the_classes_are_in_the_official_order() -> None:
    assert len(set(voc2007.CLASS_NAMES)) == 20
    assert list(voc2007.CLASS_NAMES) == sorted(voc2007.CLASS_NAMES)


@pytest.mark.parametrize("above", [0, 1, 2])
def test_the_folder_may_be_any_of_the_three(voc: Path, above: int) -> None:
    folder = [voc, *voc.parents][above]
    listing = list_images(folder, Path("not-used"))
    assert listing.multi_label
    assert listing.class_names == voc2007.CLASS_NAMES
    assert listing.records["split"].value_counts().to_dict() == voc2007.IMAGES
    assert listing.read("000001.jpg") == (voc / "JPEGImages" / "000001.jpg").read_bytes()


@pytest.mark.parametrize("devkit", ["", "VOCdevkit"])
def test_the_two_archives_may_lie_side_by_side(voc: Path, tmp_path: Path, devkit: str) -> None:
    apart = tmp_path / "apart"
    write_voc(apart / "trainval" / devkit, TRAINVAL)
    write_voc(apart / "test" / devkit, TEST, first=10)
    listing = list_images(apart, Path("not-used"))
    assert without_state(listing).equals(without_state(list_images(voc, Path("not-used"))))
    assert listing.read("000001.jpg") == (voc / "JPEGImages" / "000001.jpg").read_bytes()
    assert listing.read("000013.jpg") == (voc / "JPEGImages" / "000013.jpg").read_bytes()


def test_labels_are_in_the_order_of_the_classes(voc: Path) -> None:
    labels = labels_of(list_images(voc, Path("not-used")))
    assert labels["000001.jpg"] == ("dog|person", "")
    assert labels["000009.jpg"] == ("cat|person", "")  # a person's head is no class


def test_a_class_with_difficult_objects_only_is_not_counted(voc: Path) -> None:
    labels = labels_of(list_images(voc, Path("not-used")))
    assert labels["000003.jpg"] == ("person", "")  # another person is clear
    assert labels["000004.jpg"] == ("cat|person", "dog")
    assert labels["000006.jpg"] == ("", "cat")


def test_difficult_objects_may_count_like_any_other(voc: Path) -> None:
    labels = labels_of(list_images(voc, Path("not-used"), difficult="count"))
    assert labels["000004.jpg"] == ("cat|dog|person", "")
    assert labels["000006.jpg"] == ("cat", "")
    assert not any(ignored for _, ignored in labels.values())


def test_labels_and_what_is_ignored_reach_the_store(voc: Path) -> None:
    store = ingest("voc2007", voc)
    assert store.multi_label
    assert {part: len(store.indices(part)) for part in VOC_PARTS} == voc2007.IMAGES
    row = store.manifest.index[store.manifest["id"] == "000004.jpg"][0]
    shown = dict(zip(store.class_names, store.targets[row].tolist(), strict=True))
    assert {name for name, value in shown.items() if value == 1} == {"cat", "person"}
    assert {name for name, value in shown.items() if value == -1} == {"dog"}
    assert split_label(store.manifest["label"][row]) == ("cat", "person")


@pytest.mark.parametrize(
    "name", ["JPEGImages", "Annotations", "ImageSets/Main/val.txt", "ImageSets/Main/test.txt"]
)
def test_what_is_missing_is_named(voc: Path, name: str) -> None:
    (voc / name).rename(voc.parent / "away")
    with pytest.raises(GraftError, match=f"lacks {name}. source.folder has to be the folder VOC"):
        list_images(voc.parent, Path("not-used"))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(GraftError, match=r"nowhere' lacks ImageSets/Main/train"):
        list_images(tmp_path / "nowhere", Path("not-used"))


def test_a_shortened_list_is_refused(voc: Path) -> None:
    (voc / "ImageSets" / "Main" / "train.txt").write_text("000001\n")
    with pytest.raises(GraftError, match="1 train images instead of 6"):
        list_images(voc, Path("not-used"))


def test_a_missing_image_is_named(voc: Path) -> None:
    (voc / "JPEGImages" / "000002.jpg").unlink()
    with pytest.raises(GraftError, match=r"1 of 13 images are missing, '000002\.jpg'"):
        list_images(voc, Path("not-used"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (annotation("dog")[:-20], "unclosed token"),
        (annotation("dragon"), "'dragon' is of none of the 20 classes"),
        ("", "no element found"),
        ("<annotation><object/></annotation>", "'' is of none of the 20 classes"),
    ],
)
def test_a_damaged_annotation_is_named(voc: Path, content: str, message: str) -> None:
    (voc / "Annotations" / "000002.xml").write_text(content)
    with pytest.raises(GraftError, match=rf"000002\.xml' is no annotation.*{message}"):
        list_images(voc, Path("not-used"))


def test_a_missing_annotation_is_named(voc: Path) -> None:
    (voc / "Annotations" / "000002.xml").unlink()
    with pytest.raises(GraftError, match=r"000002\.xml"):
        list_images(voc, Path("not-used"))


@pytest.mark.parametrize(
    "document_type",
    [
        '<!DOCTYPE a [<!ENTITY a "dog"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE a SYSTEM "http://images.example/a.dtd">',
        "<!DOCTYPE annotation>",
    ],
)
def test_an_annotation_with_a_document_type_is_refused(tmp_path: Path, document_type: str) -> None:
    """Entities grow (the "billion laughs") or read other files."""
    evil = "<annotation><object><name>&b;</name></object></annotation>"
    for encoding in ("utf-8", "utf-16"):
        (tmp_path / "1.xml").write_text(document_type + evil, encoding=encoding)
        with pytest.raises(GraftError, match="a document type is declared"):
            read_annotation(tmp_path / "1.xml")


def test_no_more_of_an_annotation_is_read_than_can_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "1.xml").write_text(annotation("dog " * 50))
    assert read_annotation(tmp_path / "1.xml") == ({"dog"}, set())
    monkeypatch.setattr(voc2007, "MAX_ANNOTATION_BYTES", 1000)
    with pytest.raises(GraftError, match="damaged"):
        read_annotation(tmp_path / "1.xml")


@pytest.mark.usefixtures("no_network")
def test_the_archives_in_the_download_folder_are_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloads = tmp_path / "down"
    with pytest.raises(GraftError, match=f"put it into '{downloads}/voc2007/trainval'"):
        list_images(None, downloads)
    write_voc(tmp_path / "a" / "VOCdevkit", TRAINVAL)
    write_voc(tmp_path / "b" / "VOCdevkit", TEST, first=10)
    published = {}
    for name, unpacked in (("trainval", "a"), ("test", "b")):
        archive = downloads / "voc2007" / name / voc2007.ARCHIVES[name].name
        archive.parent.mkdir(parents=True)
        with tarfile.open(archive, "w") as tar:
            tar.add(tmp_path / unpacked / "VOCdevkit", "VOCdevkit")
        published[name] = as_published(archive)
    monkeypatch.setattr(voc2007, "ARCHIVES", published)
    assert len(list_images(None, downloads).records) == 13
    assert len(list_images(None, downloads).records) == 13
