"""The trials of sweeps on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft.datasets.committed import LoadOnlyDataset

if TYPE_CHECKING:
    from graft.sweeps.storage import TrialStorage


class TrialStorageDataset(LoadOnlyDataset["TrialStorage"]):
    """Where the studies of an experiment's sweeps are kept, so that they can be gone on with.

        sweep_state:
          type: graft.datasets.TrialStorageDataset
          filepath: data/06_models/digits_sweep/trials
          url: null

    A load hands over the address, see `graft.sweeps.storage`: what lies there changes while the
    node runs.
    """

    def __init__(
        self,
        *,
        filepath: str,
        url: str | None,
        heartbeat: float,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """
        Args:
            filepath: The folder; it may be deleted when no sweep has to be gone on with.
            url: A PostgreSQL database for several hosts; None for an SQLite file in the folder.
            heartbeat: Seconds between two signs of life of a running trial.
            metadata: For the tracking hook and Kedro-Viz.
        """
        self._folder = Path(filepath)
        self._url = url
        self._heartbeat = heartbeat
        self.metadata = metadata

    def load(self) -> TrialStorage:
        from graft.sweeps.storage import TrialStorage

        return TrialStorage(self._folder.resolve(), self._url, self._heartbeat)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._folder, "url": self._url}
