"""Nodes of `ingest`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from graft.images.decode import DecodedImages, DecodingPlan
    from graft.images.duplicates import DuplicateSearch
    from graft.images.listing import ImageListing
    from graft.images.store import ImageStore

logger = logging.getLogger(__name__)


def decode(source_images: ImageListing, images: dict[str, Any]) -> DecodingPlan:
    """Say how every image is to be decoded, once; saving the plan does it."""
    from graft.images.decode import DecodingPlan

    return DecodingPlan(source_images, images["size"], images["max_pixels"])


def compare(decoded: DecodedImages) -> DuplicateSearch:
    """Say which images are to be compared with each other; saving the search does it."""
    from graft.images.duplicates import DuplicateSearch

    return DuplicateSearch(decoded.images, decoded.records)


def audit(
    decoded: DecodedImages, duplicate_pairs: pd.DataFrame, images: dict[str, Any]
) -> tuple[DecodedImages, pd.DataFrame]:
    """Quarantine what cannot be used or is dropped as a duplicate, with its reason."""
    import pandas as pd

    from graft.images.deduplicate import drop_duplicates

    if images["duplicates"] != "drop":
        return decoded, decoded.quarantine
    kept, dropped = drop_duplicates(decoded, duplicate_pairs)
    # The kept images' own quarantine lists only what is damaged: the share of bad files that ends
    # a run does not count duplicates.
    return kept, pd.concat([decoded.quarantine, dropped], ignore_index=True)


def assign(
    kept: DecodedImages,
    duplicate_pairs: pd.DataFrame,
    images: dict[str, Any],
    split: dict[str, Any],
    seed: int,
) -> pd.Series:
    """Judge the audit, then give every image its part."""
    from graft.images.decode import check_audit
    from graft.images.deduplicate import assign_grouped_splits
    from graft.images.split import SplitRecipe, assign_splits

    check_audit(
        kept,
        max_quarantined_share=images["max_quarantined_share"],
        min_images_per_class=images["min_images_per_class"],
    )
    recipe = SplitRecipe(**split)
    if images["duplicates"] == "group":
        return assign_grouped_splits(
            kept.records, duplicate_pairs, recipe, seed, multi_label=kept.multi_label
        )
    return assign_splits(kept.records, recipe, seed, multi_label=kept.multi_label)


def tabulate_duplicates(
    duplicate_pairs: pd.DataFrame, kept: DecodedImages, splits: pd.Series
) -> pd.DataFrame:
    """The pairs with the parts that their images are in; a warning where they give answers away."""
    from graft.images.duplicates import add_splits, summarise_duplicates

    table = add_splits(duplicate_pairs, dict(zip(kept.records["id"], splits, strict=True)))
    if seen := summarise_duplicates(table)["test_images_seen_in_training"]:
        logger.warning(
            "%d of %d test images have a duplicate or near-duplicate among the training images: "
            "see the table and the figure of duplicates, and images.duplicates: drop or group.",
            seen,
            (splits == "test").sum(),
        )
    return table


def pack(kept: DecodedImages, splits: pd.Series) -> ImageStore:
    """Put pixels and manifest together."""
    from graft.images.store import build_store

    return build_store(kept, splits)


def draw_duplicates(duplicates: pd.DataFrame, decoded: DecodedImages) -> Figure:
    """The most striking pairs side by side."""
    from graft.evaluation.figures import duplicate_pairs

    position = {image: row for row, image in enumerate(decoded.records["id"])}
    return duplicate_pairs(decoded.images, position, duplicates)


def describe(image_store: ImageStore, duplicates: pd.DataFrame) -> dict[str, Any]:
    """The dataset card: counts, sizes, channel statistics of the training images, duplicates."""
    from graft.images.card import dataset_card
    from graft.images.duplicates import summarise_duplicates

    return dataset_card(image_store) | {"duplicates": summarise_duplicates(duplicates)}


def draw_samples(image_store: ImageStore, seed: int) -> Figure:
    """A grid of training images, as many of each class."""
    from graft.evaluation.figures import image_grid
    from graft.images.store import sample_per_class

    rows = sample_per_class(image_store, "train", at_most=40, seed=seed)
    return image_grid(image_store.images[rows], image_store.captions(rows), columns=10)
