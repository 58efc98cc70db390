"""An experiment file that a run has written."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset


class ExperimentFileDataset(AbstractDataset[str, str]):
    """The text of an experiment file, in the folder where `kedro run -x` looks for it.

    best_experiment:
      type: graft.datasets.ExperimentFileDataset
      filepath: conf/experiments/sweeps/digits_sweep_best.yml

    It is replaced in one step. Its versions are git's business, as those of all configuration.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """
        Args:
            filepath: A path on this machine.
            metadata: For the tracking hook and Kedro-Viz.
        """
        self.filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> str:
        return self.filepath.read_text(encoding="utf-8")

    def save(self, data: str) -> None:
        self.filepath.parent.mkdir(parents=True, exist_ok=True)
        # Not .yml: until it is whole it is no experiment.
        partial = self.filepath.with_name(f".{self.filepath.name}.{secrets.token_hex(4)}")
        partial.write_text(data, encoding="utf-8")
        os.replace(partial, self.filepath)

    def _exists(self) -> bool:
        return self.filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self.filepath}
