"""The whole way of the images, for the tests: source, decoding, audit, split, store."""

from __future__ import annotations

from pathlib import Path

from graft.images.decode import check_audit, decode_images
from graft.images.sources import get_source
from graft.images.split import assign_splits
from graft.images.store import ImageStore, build_store


def ingest(
    name: str, folder: Path | None, size: int = 16, test: float = 0.2, downloads: str = "not-used"
) -> ImageStore:
    listing = get_source(name).list_images(folder, Path(downloads))
    decoded = decode_images(listing, size, max_pixels=10**6)
    check_audit(decoded, max_quarantined_share=0.3, min_images_per_class=2)
    splits = assign_splits(
        decoded.records, validation=0.2, test=test, shots=None, train_size=None, seed=0
    )
    return build_store(decoded, splits)
