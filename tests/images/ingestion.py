"""The whole way of the images, for the tests: source, decoding, audit, split, store."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from graft.images.decode import check_audit, decode_images
from graft.images.sources import get_source
from graft.images.split import SplitRecipe, assign_splits
from graft.images.store import ImageStore, build_store


def ingest(
    name: str,
    folder: Path | None,
    size: int = 16,
    test: float = 0.2,
    downloads: str = "not-used",
    options: Mapping[str, object] | None = None,
) -> ImageStore:
    listing = get_source(name).list_from(folder, Path(downloads), options or {})
    decoded = decode_images(listing, size, max_pixels=10**6)
    check_audit(decoded, max_quarantined_share=0.3, min_images_per_class=2)
    recipe = SplitRecipe(validation=0.2, test=test)
    splits = assign_splits(decoded.records, recipe, seed=0, multi_label=decoded.multi_label)
    return build_store(decoded, splits)
