"""iNaturalist-12K: 12,000 photographs of ten groups of living things, a subset used in teaching.

Its folder `val` (2,000 images) is the test part: the reports on this collection train and choose on
`train` and are judged on `val`. Validation images are drawn from `train`.

There is no download: nobody publishes a checksum of the archive.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from graft.errors import GraftError
from graft.images.listing import ImageListing
from graft.images.sources import folder as class_folder
from graft.images.sources.published import check_classes
from graft.images.sources.spec import SourceSpec

TITLE = "iNaturalist-12K"
CLASS_NAMES = (
    "Amphibia", "Animalia", "Arachnida", "Aves", "Fungi", "Insecta", "Mammalia", "Mollusca",
    "Plantae", "Reptilia",
)  # fmt: skip


def list_images(folder: Path | None, download_folder: Path) -> ImageListing:
    """List a local copy, `train/<class>` and `val/<class>` (or a zip of it).

    Raises:
        GraftError: No folder is given, or it has other classes or other parts.
    """
    if folder is None:
        raise GraftError(
            f"source.folder: name the folder (or zip) of {TITLE}, with train/<class> and "
            "val/<class>. It cannot be downloaded."
        )
    listing = class_folder.list_images(folder, download_folder)
    check_classes(listing, folder, TITLE, CLASS_NAMES)
    parts = listing.records["split"]
    if set(parts) != {"train", "validation"}:
        raise GraftError(
            f"'{folder}' is not {TITLE}: it must hold train/<class> and val/<class> and nothing "
            "else. For other parts use source.name: folder."
        )
    records = listing.records.assign(split=parts.replace("validation", "test"))
    return replace(listing, name="inaturalist12k", records=records)


SPEC = SourceSpec(
    name="inaturalist12k",
    title="iNaturalist-12K, 12,000 photographs of 10 classes",
    list_images=list_images,
    needs_folder=True,
    licence="the photographs are their uploaders', for research",
    citation="Van Horn et al. (2018), The iNaturalist Species Classification and Detection Dataset",
)
