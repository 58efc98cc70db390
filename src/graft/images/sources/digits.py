"""Handwritten digits that scikit-learn ships: 1,797 grey images, 8x8, 10 classes, no download."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graft.images.listing import ImageListing, SourceSpec

if TYPE_CHECKING:
    from graft.images.listing import Pixels


def list_images(folder: Path | None, download_folder: Path) -> ImageListing:
    """The digits as uint8 arrays (8, 8); neither folder is used.

    The original counts 0 to 16 (inked pixels in a 4x4 block of the scan) become 0 to 255.
    """
    import numpy as np
    import pandas as pd
    from sklearn.datasets import load_digits

    bunch = load_digits()
    grey = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    ids = [f"digits/{index:04d}" for index in range(len(grey))]
    pixels: dict[str, Pixels] = dict(zip(ids, grey, strict=True))
    labels = [str(target) for target in bunch.target]
    records = pd.DataFrame({"id": ids, "label": labels, "split": None})
    class_names = tuple(str(digit) for digit in range(10))
    return ImageListing("digits", records, class_names, pixels.__getitem__)


SPEC = SourceSpec(
    name="digits",
    title="Handwritten digits, 8x8 grey, shipped with scikit-learn",
    list_images=list_images,
    licence="CC BY 4.0",
    citation="Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits, UCI",
)
