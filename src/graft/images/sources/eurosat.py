"""EuroSAT: 27,000 satellite images of land use, 64x64 RGB, ten classes, no parts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from graft.images.download import RemoteFile, fetch
from graft.images.listing import ImageListing
from graft.images.sources import folder as class_folder
from graft.images.sources.published import check_classes
from graft.images.sources.spec import SourceSpec

CLASS_NAMES = (
    "AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial", "Pasture",
    "PermanentCrop", "Residential", "River", "SeaLake",
)  # fmt: skip
LAYOUT = "a folder (or zip) with AnnualCrop/, Forest/ and the other eight"

# The authors' deposit, the RGB images alone.
ARCHIVE = RemoteFile(
    "https://zenodo.org/records/7711810/files/EuroSAT_RGB.zip",
    size=94_658_721,
    sha256="b4f5b234ecb7d7ff9c6cddb046543b4717c53fd6e9815be6c0e80cc614f51b90",
)


def list_images(folder: Path | None, download_folder: Path) -> ImageListing:
    """List EuroSAT from a local copy, or download it.

    Args:
        folder: The folder of the classes, a folder that holds nothing else (`EuroSAT_RGB`, `2750`),
            or the zip of either, which is read without unpacking. None downloads.
        download_folder: A download goes into its folder `eurosat`.

    Raises:
        GraftError: The copy has other classes, or there is none and no network.
    """
    root = fetch(ARCHIVE, download_folder / "eurosat", LAYOUT) if folder is None else folder
    listing = class_folder.list_images(root, download_folder)
    check_classes(listing, root, "EuroSAT", CLASS_NAMES)
    return replace(listing, name="eurosat")


SPEC = SourceSpec(
    name="eurosat",
    title="EuroSAT, 27,000 satellite images of 10 classes, 64x64 RGB",
    list_images=list_images,
    licence="MIT; Copernicus Sentinel data",
    citation="Helber et al. (2019), EuroSAT",
)
