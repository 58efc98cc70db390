"""Handwritten digits that scikit-learn ships: 1,797 grey images, 8x8, 10 classes, no download."""

from __future__ import annotations

from pathlib import Path

from graft.images.listing import ImageListing
from graft.images.sources.arrays import ArrayPart, list_arrays
from graft.images.sources.spec import SourceSpec


def list_images(folder: Path | None, download_folder: Path) -> ImageListing:
    """The digits as uint8 arrays (8, 8); neither folder is used.

    The original counts 0 to 16 (inked pixels in a 4x4 block of the scan) become 0 to 255.
    """
    import numpy as np
    from sklearn.datasets import load_digits

    bunch = load_digits()
    grey = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    class_names = tuple(str(digit) for digit in range(10))
    part = ArrayPart(None, grey, bunch.target)
    return list_arrays("digits", [part], class_names, id_digits=4)


SPEC = SourceSpec(
    name="digits",
    title="Handwritten digits, 8x8 grey, shipped with scikit-learn",
    list_images=list_images,
    licence="CC BY 4.0",
    citation="Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits, UCI",
)
