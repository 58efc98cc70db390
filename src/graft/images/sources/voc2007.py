"""PASCAL VOC 2007: 9,963 photographs, any number of 20 classes in each, in the official parts.

Its annotations are boxes around objects; a class is present where there is a box of it. Objects
that are hard to recognise without their surroundings are marked difficult.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from graft.classes import join_labels
from graft.errors import GraftError
from graft.images.archives import fetch_folder
from graft.images.download import RemoteFile
from graft.images.listing import ImageListing
from graft.images.sources.published import check_counts, list_named_files, read_lines
from graft.images.sources.spec import SourceOption, SourceSpec

TITLE = "PASCAL VOC 2007"
CLASS_NAMES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
)  # fmt: skip
LISTS = {"train": "train", "validation": "val", "test": "test"}
IMAGES = {"train": 2501, "validation": 2510, "test": 4952}
INSIDE = ("VOC2007", "VOCdevkit/VOC2007")
LAYOUT = (
    "the folder VOCdevkit, with JPEGImages/, Annotations/ and ImageSets/Main/ of both archives in "
    "its VOC2007/, or a folder of two such folders"
)
MAX_ANNOTATION_BYTES = 2**20

# torchvision's address of the authors' site, which answers by https.
_SITE = "https://thor.robots.ox.ac.uk/pascal/VOC/voc2007"
ARCHIVES = {
    "trainval": RemoteFile(
        f"{_SITE}/VOCtrainval_06-Nov-2007.tar",
        size=460_032_000,
        sha256="7d8cd951101b0957ddfd7a530bdc8a94f06121cfc1e511bb5937e973020c7508",
    ),
    "test": RemoteFile(
        f"{_SITE}/VOCtest_06-Nov-2007.tar",
        size=451_020_800,
        sha256="6836888e2e01dca84577a849d339fa4f73e1e4f135d312430c4856b5609b4892",
    ),
}


def list_images(
    folder: Path | None, download_folder: Path, *, difficult: str = "ignore"
) -> ImageListing:
    """List VOC 2007 from a local copy, or download it.

    Args:
        folder: A local copy: `VOCdevkit`, a folder that holds it, or `VOC2007`. The two archives
            may also be unpacked side by side, into two folders that each hold a `VOCdevkit` or a
            `VOC2007`. None downloads.
        download_folder: A download goes into its folder `voc2007`.
        difficult: "ignore": as in VOC's own evaluation, a class of which an image shows difficult
            objects only is neither present nor absent. "count": it is present.

    Raises:
        GraftError: The copy is incomplete or damaged, or there is none and no network.
    """
    root = _download(download_folder / "voc2007") if folder is None else folder
    copies = _find_copies(root)
    folders = [copy / "JPEGImages" for copy in dict.fromkeys(copies.values())]
    rows = _read_rows(copies, count_difficult=difficult == "count")
    listing = list_named_files("voc2007", folders, rows, CLASS_NAMES, multi_label=True)
    check_counts(listing.records, root, TITLE, IMAGES)
    return listing


def _find_copies(root: Path) -> dict[str, Path]:
    """For each part the folder `VOC2007` that holds its list."""
    beside = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    candidates = [root, *(path / inside for path in (root, *beside) for inside in INSIDE)]
    copies = {}
    for part, name in LISTS.items():
        lists = f"ImageSets/Main/{name}.txt"
        copies[part] = next((path for path in candidates if (path / lists).is_file()), root)
        for needed in (lists, "JPEGImages", "Annotations"):
            if not (copies[part] / needed).exists():
                raise GraftError(
                    f"'{copies[part]}' lacks {needed}. source.folder has to be {LAYOUT}."
                )
    return copies


def _read_rows(
    copies: Mapping[str, Path], *, count_difficult: bool
) -> Iterator[tuple[str, str, str, str]]:
    for part, copy in copies.items():
        for image in read_lines(copy / "ImageSets" / "Main" / f"{LISTS[part]}.txt"):
            clear, difficult = read_annotation(copy / "Annotations" / f"{image}.xml")
            present = clear | difficult if count_difficult else clear
            ignored = difficult - present
            yield f"{image}.jpg", _join(present), part, _join(ignored)


def _join(names: set[str]) -> str:
    return join_labels(name for name in CLASS_NAMES if name in names)


def read_annotation(path: Path) -> tuple[set[str], set[str]]:
    """The classes of an annotation's objects: of those that are not difficult, of those that are.

    Raises:
        GraftError: The file is no annotation of VOC 2007, or damaged.
    """
    clear: set[str] = set()
    difficult: set[str] = set()
    try:
        with path.open("rb") as file:
            annotation = _parse(file.read(MAX_ANNOTATION_BYTES))
        # The parts of a person (head, hands, feet) are objects inside of its object: not classes.
        for item in annotation.findall("object"):
            name = item.findtext("name", "").strip()
            if name not in CLASS_NAMES:
                raise ValueError(f"an object '{name}' is of none of the 20 classes")
            hard = item.findtext("difficult", "0").strip() == "1"
            (difficult if hard else clear).add(name)
    except (OSError, ValueError, expat.ExpatError) as error:
        raise GraftError(f"'{path}' is no annotation of {TITLE}, or damaged: {error}.") from error
    return clear, difficult


def _parse(content: bytes) -> Element:
    """The tree of an XML file without a document type.

    Entities could grow a small file to gigabytes, or name other files, and they can only be
    declared in a document type. None of VOC's annotations has one.
    """

    def refuse(*declaration: object) -> NoReturn:
        raise ValueError("a document type is declared")

    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.Parse(content, True)
    return builder.close()


def _download(root: Path) -> Path:
    """Each archive in a folder of its own: both hold a `VOCdevkit`."""
    for name, archive in ARCHIVES.items():
        fetch_folder(archive, root / name / "VOCdevkit", LAYOUT)
    return root


SPEC = SourceSpec(
    name="voc2007",
    title=f"{TITLE}, 9,963 photographs, any number of 20 classes in each",
    list_images=list_images,
    options=(
        SourceOption(
            "difficult",
            "what a class counts as of which an image has difficult objects only: ignore (neither "
            "present nor absent, the default, as in VOC's evaluation) or count (present)",
            choices=("ignore", "count"),
        ),
    ),
    licence="the photographs are their uploaders', under Flickr's terms of use",
    citation="Everingham et al. (2010), The PASCAL Visual Object Classes (VOC) Challenge",
)
