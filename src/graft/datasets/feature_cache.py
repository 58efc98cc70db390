"""Features that were computed before, on disk by what they were made from."""

from __future__ import annotations

import logging
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft.datasets.committed import LoadOnlyDataset
from graft.datasets.safetensors_file import header, read_file
from graft.errors import GraftError
from graft.storage import committed, verify

if TYPE_CHECKING:
    from graft.probes.feature_cache import KnownFeatures

logger = logging.getLogger(__name__)

FEATURES = "features.safetensors"
_KEY = re.compile(r"[0-9a-f]{64}")


class FeatureCacheDataset(LoadOnlyDataset["FeatureFolder"]):
    """A folder of features that all experiments share.

        feature_cache:
          type: graft.datasets.FeatureCacheDataset
          filepath: data/04_feature/cache
          max_gigabytes: 8

    A load hands over the folder, see `FeatureFolder`: what is in it changes while the node runs.
    """

    def __init__(
        self, *, filepath: str, max_gigabytes: float, metadata: dict[str, Any] | None = None
    ) -> None:
        """
        Args:
            filepath: The folder; it may be deleted at any time, and features are computed again.
            max_gigabytes: What it may hold; what has been unused for longest goes first. 0 keeps
                nothing.
            metadata: For the tracking hook and Kedro-Viz.
        """
        self._folder = Path(filepath)
        self._max_gigabytes = max_gigabytes
        self.metadata = metadata

    def load(self) -> FeatureFolder:
        return FeatureFolder(self._folder, int(self._max_gigabytes * 2**30))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._folder, "max_gigabytes": self._max_gigabytes}


class FeatureFolder:
    """A folder for each key; a `graft.probes.feature_cache.FeatureCache`."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def get(self, key: str) -> KnownFeatures | None:
        """What is known; what is damaged is deleted with a warning, for it can be made again."""
        from graft.probes.feature_cache import KnownFeatures

        entry = self._folder / key
        if not entry.is_dir():
            return None
        try:
            verify(entry)
            arrays, description = read_file(entry / FEATURES, framework="np")
        except (GraftError, OSError) as error:
            logger.warning("Known features are passed over and made again: %s", error)
            shutil.rmtree(entry, ignore_errors=True)
            return None
        with suppress(OSError):
            os.utime(entry)  # it was used now
        return KnownFeatures(**arrays, columns=dict(description["columns"]))

    def put(self, key: str, features: KnownFeatures) -> None:
        """Keep them, as many as the folder may hold; without room on the disk, with a warning."""
        import numpy as np
        from safetensors.numpy import save

        kept = features.take(slice(self._max_bytes // features.bytes_of_each))
        if not len(kept.digests):
            return
        arrays = {name: getattr(kept, name) for name in ("digests", "matrix", "seconds")}
        content = save(
            {name: np.ascontiguousarray(array) for name, array in arrays.items()},
            # As pairs, for the columns' order is theirs and a header's keys are sorted.
            metadata=header({"columns": list(kept.columns.items())}),
        )
        try:
            with committed(self._folder / key) as folder:
                (folder / FEATURES).write_bytes(content)
        except (GraftError, OSError) as error:
            logger.warning("Features are not kept for the next time: %s", error)
            return
        self._make_room()

    def _make_room(self) -> None:
        """Delete what has been unused for longest; what has just been put stays."""
        left = self._max_bytes
        newest, *others = sorted(self._entries(), key=_used_at, reverse=True)
        for entry in (newest, *others):
            with suppress(OSError):
                left -= (entry / FEATURES).stat().st_size
            if left < 0 and entry != newest:
                shutil.rmtree(entry, ignore_errors=True)

    def _entries(self) -> list[Path]:
        """The folders that are keys; anything else here is somebody else's."""
        return [path for path in self._folder.iterdir() if _KEY.fullmatch(path.name)]


def _used_at(entry: Path) -> float:
    with suppress(OSError):  # another process has deleted it
        return entry.stat().st_mtime
    return 0.0
