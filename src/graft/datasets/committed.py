"""The base of Graft's dataset types: what is saved is complete, unchanged and this run's own.

An entry of the catalog with `filepath: data/metrics.json` lies on disk as

    data/metrics.json/2026-03-01T09.30.00.000Z/metrics.json    with `versioned: true`
    data/metrics.json/metrics.json                             without

and the folder that holds the file is the unit of `graft.storage`: `manifest.json` lies in it, and
it comes into being in one step. The types of kedro-datasets are not used underneath, because they
write in place and import pandas or matplotlib as soon as the catalog is built.
"""

from __future__ import annotations

import inspect
import logging
from abc import abstractmethod
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn, TypeVar

from kedro.io import AbstractDataset, AbstractVersionedDataset, DatasetError, Version
from kedro.io.core import VersionNotFoundError

from graft.storage import committed, is_committed, verify

logger = logging.getLogger(__name__)

Saved = TypeVar("Saved")
Loaded = TypeVar("Loaded")


class CommittedDataset(AbstractVersionedDataset[Saved, Loaded]):
    """A file (with companions, if it needs them) in a folder that is committed as one.

    Which version is loaded: the pinned one (`--load-versions`), else the one that this run has
    saved, even if another run has saved a newer one since, else the newest complete one. A newer
    one that is incomplete is passed over with a warning. Every load compares the checksums.

    A subclass says how its file is written and read.
    """

    def __init__(
        self,
        *,
        filepath: str,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """
        Args:
            filepath: A path on this machine.
            version: Kedro's, where the entry says `versioned: true`.
            metadata: For others: the tracking hook reads its key `mlflow`, Kedro-Viz its own.
        """
        super().__init__(PurePosixPath(filepath), version)
        self.metadata = metadata

    @abstractmethod
    def write(self, path: Path, data: Saved) -> None:
        """Write `data` to `path`; companions may lie beside it."""

    @abstractmethod
    def read(self, path: Path) -> Loaded:
        """Read what `write` wrote."""

    @property
    def filepath(self) -> Path:
        """The file that a load reads now.

        Raises:
            DatasetError: Nothing complete is saved.
        """
        folder = self._folder(self._get_load_path())
        if not is_committed(folder):
            raise DatasetError(
                f"{folder} does not exist or is incomplete. Run the pipeline that makes it first."
            )
        return folder / self._filepath.name

    def load(self) -> Loaded:
        path = self.filepath
        verify(path.parent)
        return self.read(path)

    def save(self, data: Saved) -> None:
        with committed(self._folder(self._get_save_path())) as folder:
            self.write(folder / self._filepath.name, data)

    def _folder(self, path: PurePosixPath) -> Path:
        """The committed folder of one of Kedro's load and save paths."""
        return Path(path.parent if self._version else path)

    def _exists(self) -> bool:
        return is_committed(self._folder(self._get_load_path()))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "version": self._version}

    # Kedro asks these two which versions there are, and which of them a load means.

    def _get_versions(self) -> list[str]:
        complete = [folder.name for folder in self._version_folders() if is_committed(folder)]
        return [str(self._get_versioned_path(version)) for version in complete]

    def _fetch_latest_load_version(self) -> str:
        if self._cached_load_version is None:
            self._cached_load_version = self._own_version() or self._newest_version()
        return self._cached_load_version

    def _own_version(self) -> str | None:
        """The version that this run saves, if it has saved it already."""
        own = self.resolve_save_version()
        return own if own and is_committed(Path(self._filepath) / own) else None

    def _newest_version(self) -> str:
        for folder in self._version_folders():
            if is_committed(folder):
                return folder.name
            logger.warning("%s is incomplete and is passed over for an older version.", folder)
        raise VersionNotFoundError(
            f"Nothing is saved at {self._filepath} yet. Run the pipeline that makes it first."
        )

    def _version_folders(self) -> list[Path]:
        """The folders of all versions, complete or not, newest first."""
        root = Path(self._filepath)
        folders = [path for path in root.iterdir() if path.is_dir()] if root.is_dir() else []
        return sorted((path for path in folders if not path.name.startswith(".")), reverse=True)


# Kedro records what a dataset was made with (`kedro catalog resolve-patterns` prints it), but of an
# inherited constructor it would see only `*args, **kwargs`.
CommittedDataset.__init__.__signature__ = inspect.signature(CommittedDataset.__init__)  # type: ignore[attr-defined]


class LoadOnlyDataset(AbstractDataset[NoReturn, Loaded]):
    """Something that lies elsewhere and that a run only reads."""

    def save(self, data: NoReturn) -> NoReturn:
        raise DatasetError(f"{self} can only be loaded; give the output an entry of its own.")

    def _exists(self) -> bool:
        return True
