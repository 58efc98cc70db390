"""Food-101: 75,750 training and 25,250 test photographs of 101 dishes.

The authors cleaned the test part by hand and left the training part as it came: some of its labels
are wrong, on purpose.
"""

from __future__ import annotations

from pathlib import Path

from graft.errors import GraftError
from graft.images.archives import fetch_folder
from graft.images.download import RemoteFile
from graft.images.listing import ImageListing
from graft.images.sources.published import check_counts, find_root, list_named_files, read_lines
from graft.images.sources.spec import SourceSpec

TITLE = "Food-101"
LISTS = {"train": "meta/train.txt", "test": "meta/test.txt"}
IMAGES = {"train": 75_750, "test": 25_250}
NUM_CLASSES = 101
LAYOUT = "a folder with images/<class>/, meta/train.txt and meta/test.txt"

ARCHIVE = RemoteFile(
    "https://data.vision.ee.ethz.ch/cvl/food-101.tar.gz",
    size=4_996_278_331,
    sha256="d97d15e438b7f4498f96086a4f7e2fa42a32f2712e87d3295441b2b6314053a4",
)


def list_images(folder: Path | None, download_folder: Path) -> ImageListing:
    """List Food-101 from a local copy, or download it (5 GB, and as much again unpacked).

    The classes are the folders' names in the order of the alphabet, as in `meta/classes.txt`.

    Args:
        folder: A local copy with `images/` and `meta/`, or a folder that holds it as `food-101`.
            None downloads.
        download_folder: A download goes into its folder `food101`.

    Raises:
        GraftError: The copy is incomplete or damaged, or there is none and no network.
    """
    copy = download_folder / "food101" / "food-101"
    root = fetch_folder(ARCHIVE, copy, LAYOUT) if folder is None else folder
    root = find_root(root, ("food-101",), ("images", *LISTS.values()), LAYOUT)
    rows = [
        (f"{line}.jpg", line.partition("/")[0], part)
        for part, path in LISTS.items()
        for line in read_lines(root / path)
    ]
    class_names = tuple(sorted({label for _, label, _ in rows}))
    if len(class_names) != NUM_CLASSES:
        raise GraftError(
            f"'{root}' is not {TITLE}, or damaged: its lists name {len(class_names)} classes "
            f"instead of {NUM_CLASSES}."
        )
    listing = list_named_files("food101", [root / "images"], rows, class_names)
    check_counts(listing.records, root, TITLE, IMAGES)
    return listing


SPEC = SourceSpec(
    name="food101",
    title="Food-101, 101,000 photographs of 101 dishes",
    list_images=list_images,
    licence="none of its own; the photographs are their uploaders', for research",
    citation="Bossard, Guillaumin and Van Gool (2014), Food-101",
)
