"""Nodes of `label_audit`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from graft.pipelines.same_data import require_same_data

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from graft.images.store import ImageStore
    from graft.probes.extraction import Features

logger = logging.getLogger(__name__)


def audit_labels(
    features: Features, image_store: ImageStore, label_audit: dict[str, Any], seed: int
) -> pd.DataFrame:
    """The suspicious labels among the training images, the most suspicious first."""
    from graft.evaluation.label_audit import suspicious_labels

    require_same_data(image_store.digest, features=features.metadata)
    found = suspicious_labels(features, seed=seed, **label_audit)
    logger.info(
        "%d of %d training images have a suspicious label: see the table and the figure.",
        found["id"].nunique(),
        len(features.of("train").ids),
    )
    return found


def draw_suspicious_labels(suspicious_labels: pd.DataFrame, image_store: ImageStore) -> Figure:
    """The most suspicious ones with their pictures."""
    from graft.evaluation.figures import suspicious_labels as draw

    position = {image: row for row, image in enumerate(image_store.manifest["id"])}
    return draw(image_store.images, position, suspicious_labels)
