"""TensorFlow's flower photos: 3,670 photographs of five flowers, one folder per class, no parts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from graft.images.archives import fetch_folder
from graft.images.download import RemoteFile
from graft.images.listing import ImageListing
from graft.images.sources import folder as class_folder
from graft.images.sources.published import check_classes
from graft.images.sources.spec import SourceSpec

CLASS_NAMES = ("daisy", "dandelion", "roses", "sunflowers", "tulips")
LAYOUT = f"a folder (or zip) with {'/, '.join(CLASS_NAMES)}/"

ARCHIVE = RemoteFile(
    "https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz",
    size=228_813_984,
    sha256="4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c",
)


def list_images(folder: Path | None, download_folder: Path) -> ImageListing:
    """List the flower photos from a local copy, or download them.

    Args:
        folder: The folder `flower_photos`, a folder that holds nothing else, or a zip of either.
            None downloads.
        download_folder: A download goes into its folder `flowers5`.

    Raises:
        GraftError: The copy has other classes, or there is none and no network.
    """
    photos = download_folder / "flowers5" / "flower_photos"
    root = fetch_folder(ARCHIVE, photos, LAYOUT) if folder is None else folder
    listing = class_folder.list_images(root, download_folder)
    check_classes(listing, root, "the five flowers", CLASS_NAMES)
    return replace(listing, name="flowers5")


SPEC = SourceSpec(
    name="flowers5",
    title="TensorFlow's flower photos, 3,670 photographs of 5 classes",
    list_images=list_images,
    licence="CC BY 2.0, by many photographers (LICENSE.txt of the archive)",
    citation="The TensorFlow Team (2019), Flowers",
)
