"""Whether a row was measured on the images that are there now."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from graft.storage import is_committed

if TYPE_CHECKING:
    from graft.tracking.run_record import RunRecord

_STORES = "data/03_primary"


def are_replaced(record: RunRecord, project: Path) -> bool:
    """Whether a later run has found other images, labels or parts than the record's own.

    Both were told the same, so what lies at the source has changed. Only the image store's
    manifest is read for it, no image: files that were replaced since the last run that looked at
    them (`kedro run --pipeline=ingest`) are not noticed.

    Args:
        record: The run's.
        project: The project's folder.
    """
    from graft.config.loader import data_key
    from graft.datasets.image_store import MANIFEST

    if not record.data:  # it touched no image
        return False
    store = project / _STORES / data_key(record.parameters)
    if not is_committed(store):
        return False
    return _digest(store, (store / MANIFEST).stat().st_mtime_ns) != record.data


@lru_cache(maxsize=64)
def _digest(store: Path, mtime_ns: int) -> str:
    """The digest of the images in the store; a study asks for each row and several times."""
    from graft.datasets.image_store import ImageStoreDataset

    return ImageStoreDataset(filepath=str(store)).load().digest
