"""The run itself: what it was told, and where it runs."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from graft.datasets.committed import LoadOnlyDataset

_PACKAGES = ("graft", "torch", "torchvision", "scikit-learn", "numpy", "kedro", "mlflow")


class RunOriginDataset(LoadOnlyDataset[dict[str, Any]]):
    """What it takes to make this run again.

        run_origin:
          type: graft.datasets.RunOriginDataset
          project_path: ${globals:project_path}
          pipeline: transfer_learning
          parameters: ${globals:parameters}
          changes: ${globals:changes}

    Loads a dictionary: experiment; parameters (all of them); changes (rows of
    `graft.config.changes.list_changes`); command and experiment_file, which make the run again (see
    `graft.tracking.repeating`); git_commit (None outside a repository) and git_dirty; python,
    platform, processors; versions of packages.
    """

    def __init__(
        self,
        *,
        project_path: str,
        pipeline: str,
        parameters: dict[str, Any],
        changes: Sequence[dict[str, Any]],
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """
        Args:
            project_path: The folder that may be in a git repository.
            pipeline: The pipeline that makes it again.
            parameters: All of them.
            changes: Where they differ from the defaults and from the experiment.
            metadata: For Kedro-Viz.
        """
        self._project_path = project_path
        self._pipeline = pipeline
        self._parameters = parameters
        self._changes = list(changes)
        self.metadata = metadata

    def load(self) -> dict[str, Any]:
        from graft.tracking.provenance import git_commit
        from graft.tracking.repeating import how_to_repeat

        commit = git_commit(Path(self._project_path))
        experiment = self._parameters["experiment"]
        command, experiment_file = how_to_repeat(self._pipeline, experiment, self._changes)
        versions = {}
        for package in _PACKAGES:
            with suppress(importlib.metadata.PackageNotFoundError):
                versions[package] = importlib.metadata.version(package)
        return {
            "experiment": experiment,
            "parameters": self._parameters,
            "changes": self._changes,
            "command": command,
            "experiment_file": experiment_file,
            "git_commit": commit and commit.removesuffix("-dirty"),
            "git_dirty": bool(commit and commit.endswith("-dirty")),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "processors": os.cpu_count(),
            "versions": versions,
        }

    def _describe(self) -> dict[str, Any]:
        return {"pipeline": self._pipeline, "changes": len(self._changes)}
