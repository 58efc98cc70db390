"""Images whose labels are suspicious."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graft.evaluation.figures.images import image_grid, shorten
from graft.evaluation.figures.style import in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.figure import Figure


def suspicious_labels(
    images: np.ndarray, position: Mapping[str, int], found: pd.DataFrame, limit: int = 40
) -> Figure:
    """The most suspicious labels first: under each image what it is said to be, and what it may be.

    Args:
        images: uint8 (N, H, W, 3); may be memory-mapped.
        position: From an id to its image's position.
        found: As `graft.evaluation.label_audit.suspicious_labels` returns it.
        limit: At most so many are shown.
    """
    if found.empty:
        return in_words("no suspicious labels among the training images")
    shown = found.head(limit)
    rows = np.array([position[str(image)] for image in shown["id"]])
    titles = [
        f"{label.rank}. {shorten(str(label.given), 14)} ({label.given_probability:.2f})\n"
        f"→ {shorten(str(label.suggested), 13)} ({label.suggested_probability:.2f})"
        for label in shown.itertuples()
    ]
    heading = (
        f"{len(found):,} suspicious {'label' if len(found) == 1 else 'labels'}, "
        "the most suspicious first\n"
        "rank. given class (probability) → suggested class (probability)"
    )
    return image_grid(images[rows], titles, columns=8, heading=heading)
