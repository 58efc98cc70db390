"""Oxford-IIIT Pets: 7,349 photographs of 37 breeds of cats and dogs, with an official test part.

The images folder holds some forty pictures more than the lists name; they are no part of the
benchmark and are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from graft.errors import GraftError
from graft.images.archives import fetch_folder
from graft.images.download import RemoteFile
from graft.images.listing import ImageListing
from graft.images.sources.published import check_counts, find_root, list_named_files, read_lines
from graft.images.sources.spec import SourceSpec

TITLE = "Oxford-IIIT Pets"
# In the order of the original labels 1 to 37.
CLASS_NAMES = (
    "Abyssinian", "American Bulldog", "American Pit Bull Terrier", "Basset Hound", "Beagle",
    "Bengal", "Birman", "Bombay", "Boxer", "British Shorthair", "Chihuahua", "Egyptian Mau",
    "English Cocker Spaniel", "English Setter", "German Shorthaired", "Great Pyrenees", "Havanese",
    "Japanese Chin", "Keeshond", "Leonberger", "Maine Coon", "Miniature Pinscher", "Newfoundland",
    "Persian", "Pomeranian", "Pug", "Ragdoll", "Russian Blue", "Saint Bernard", "Samoyed",
    "Scottish Terrier", "Shiba Inu", "Siamese", "Sphynx", "Staffordshire Bull Terrier",
    "Wheaten Terrier", "Yorkshire Terrier",
)  # fmt: skip
LISTS = {"train": "annotations/trainval.txt", "test": "annotations/test.txt"}
IMAGES = {"train": 3680, "test": 3669}
LAYOUT = "a folder with images/, annotations/trainval.txt and annotations/test.txt"

_SITE = "https://www.robots.ox.ac.uk/~vgg/data/pets/data"
ARCHIVES = {
    "annotations": RemoteFile(
        f"{_SITE}/annotations.tar.gz",
        size=19_173_078,
        sha256="52425fb6de5c424942b7626b428656fcbd798db970a937df61750c0f1d358e91",
    ),
    "images": RemoteFile(
        f"{_SITE}/images.tar.gz",
        size=791_918_971,
        sha256="67195c5e1c01f1ab5f9b6a5d22b8c27a580d896ece458917e61d459337fa318d",
    ),
}


def list_images(folder: Path | None, download_folder: Path) -> ImageListing:
    """List the pets from a local copy, or download them.

    Args:
        folder: A local copy with `images/` and `annotations/`, or a folder that holds it as
            `oxford-iiit-pet`. None downloads.
        download_folder: A download goes into its folder `oxford_pets`.

    Raises:
        GraftError: The copy is incomplete or damaged, or there is none and no network.
    """
    root = _download(download_folder / "oxford_pets") if folder is None else folder
    root = find_root(root, ("oxford-iiit-pet",), ("images", *LISTS.values()), LAYOUT)
    listing = list_named_files("oxford_pets", [root / "images"], _read_rows(root), CLASS_NAMES)
    check_counts(listing.records, root, TITLE, IMAGES)
    return listing


def _read_rows(root: Path) -> Iterator[tuple[str, str, str]]:
    """Lines such as "yorkshire_terrier_19 37 2 25": image, breed, species, breed of its species."""
    for part, path in LISTS.items():
        for line in read_lines(root / path):
            image, _, numbers = line.partition(" ")
            breed = image.rpartition("_")[0].replace("_", " ").title()
            number = numbers.partition(" ")[0]
            # The label stands there twice, as a number and in the name: a torn line shows.
            if breed not in CLASS_NAMES or number != str(CLASS_NAMES.index(breed) + 1):
                raise GraftError(f"'{root / path}': the line '{line}' names no breed: damaged.")
            yield f"{image}.jpg", breed, part


def _download(root: Path) -> Path:
    for name, archive in ARCHIVES.items():
        fetch_folder(archive, root / name, LAYOUT)
    return root


SPEC = SourceSpec(
    name="oxford_pets",
    title="Oxford-IIIT Pets, 7,349 photographs of 37 breeds",
    list_images=list_images,
    licence="CC BY-SA 4.0",
    citation="Parkhi et al. (2012), Cats and Dogs",
)
