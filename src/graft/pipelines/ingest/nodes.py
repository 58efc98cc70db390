"""Nodes of `ingest`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from graft.images.decode import DecodedImages
    from graft.images.listing import ImageListing
    from graft.images.store import ImageStore


def decode(source_images: ImageListing, images: dict[str, Any]) -> tuple[Any, pd.DataFrame]:
    """Decode every image once; what cannot be used is quarantined with its reason."""
    from graft.images.decode import decode_images
    from graft.progress import track

    decoded = decode_images(
        source_images, images["size"], max_pixels=images["max_pixels"], track=track
    )
    return decoded, decoded.quarantine


def pack(
    decoded: DecodedImages,
    images: dict[str, Any],
    split: dict[str, Any],
    seed: int,
) -> ImageStore:
    """Judge the audit, split, and put pixels and manifest together."""
    from graft.images.decode import check_audit
    from graft.images.split import assign_splits
    from graft.images.store import build_store

    check_audit(
        decoded,
        max_quarantined_share=images["max_quarantined_share"],
        min_images_per_class=images["min_images_per_class"],
    )
    splits = assign_splits(decoded.records, **split, seed=seed)
    return build_store(decoded, splits)


def describe(image_store: ImageStore) -> dict[str, Any]:
    """The dataset card: counts, sizes, channel statistics of the training images."""
    from graft.images.card import dataset_card

    return dataset_card(image_store)


def draw_samples(image_store: ImageStore, seed: int) -> Figure:
    """A grid of training images, as many of each class."""
    from graft.evaluation.figures import image_grid
    from graft.images.store import sample_per_class

    rows = sample_per_class(image_store, "train", at_most=40, seed=seed)
    names = [image_store.class_names[i] for i in image_store.manifest["class_index"].iloc[rows]]
    return image_grid(image_store.images[rows], names, columns=10)
