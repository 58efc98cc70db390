"""The run itself: what it was told, and where it runs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import DatasetError, Version

from graft.datasets.committed import LoadOnlyDataset
from graft.datasets.metrics import MetricsDataset

if TYPE_CHECKING:
    from graft.tracking.run_record import RunRecord

logger = logging.getLogger(__name__)


class RunOriginDataset(LoadOnlyDataset[dict[str, Any]]):
    """What it takes to make a run again.

        run_origin:
          type: graft.datasets.RunOriginDataset
          filepath: data/08_reporting/${globals:experiment}/metrics.json
          versioned: true
          project_path: ${globals:project_path}
          pipeline: transfer_learning
          parameters: ${globals:parameters}
          changes: ${globals:changes}

    With `filepath` the run that made these results: this one, or an earlier one whose results a
    pipeline shows that is run alone. What that one was told stands in the record that it left
    (`graft.tracking.run_record`); without a record this run's own parameters stand in for it, and a
    note says so. Which version is meant follows the rules of `CommittedDataset`; who pins another
    one of `metrics` with `--load-versions` pins this entry's, too. Without `filepath` it is this
    run.

    Loads a dictionary: experiment; parameters (all of them); changes (rows of
    `graft.config.changes.list_changes`); command and experiment_file, which make the run again (see
    `graft.tracking.repeating`); git_commit (None outside a repository) and git_dirty; python,
    platform, processors; versions of packages; note, None or what a reader has to know.
    """

    def __init__(
        self,
        *,
        project_path: str,
        pipeline: str,
        parameters: dict[str, Any],
        changes: Sequence[dict[str, Any]],
        filepath: str | None = None,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """
        Args:
            project_path: The folder that may be in a git repository.
            pipeline: The pipeline that makes it again.
            parameters: All of them.
            changes: Where they differ from the defaults and from the experiment.
            filepath: The results whose run is meant.
            version: Kedro's, where the entry says `versioned: true`.
            metadata: For Kedro-Viz.
        """
        self._project_path = project_path
        self._pipeline = pipeline
        self._parameters = parameters
        self._changes = list(changes)
        self._results = MetricsDataset(filepath=filepath, version=version) if filepath else None
        self._own_version = version.save if version else None
        self.metadata = metadata

    def load(self) -> dict[str, Any]:
        shown = self._shown_version()
        if self._results is None or shown is None or shown == self._own_version:
            return self._this_run(None)
        record = self._record_of(shown)
        if record is not None:
            return self._recorded_run(record)
        logger.warning(
            "The run that made the results of %s left no record: parameters, commit and versions "
            "are those of the moment.",
            shown,
        )
        return self._this_run(
            f"The results are those of a run of {shown}, which left no record. The parameters, the "
            "commit and the versions here are those of the moment at which they were shown."
        )

    def _shown_version(self) -> str | None:
        """The version of the results, None where there are none."""
        if self._results is None:
            return None
        try:
            return self._results.filepath.parent.name
        except DatasetError:
            return None

    def _record_of(self, version: str) -> RunRecord | None:
        from graft.tracking.run_record import records_of

        assert self._results is not None
        folder = self._results.filepath.parents[2]
        return next((record for record in records_of(folder) if record.version == version), None)

    def _this_run(self, note: str | None) -> dict[str, Any]:
        from graft.tracking.provenance import git_commit, surroundings

        commit = git_commit(Path(self._project_path))
        origin = self._as_told(self._parameters, self._changes, commit)
        return origin | surroundings() | {"note": note}

    def _recorded_run(self, record: RunRecord) -> dict[str, Any]:
        origin = self._as_told(dict(record.parameters), record.changes, record.commit)
        return origin | dict(record.machine) | {"note": None}

    def _as_told(
        self, parameters: dict[str, Any], changes: list[dict[str, Any]], commit: str | None
    ) -> dict[str, Any]:
        from graft.tracking.repeating import how_to_repeat

        experiment = parameters["experiment"]
        command, experiment_file = how_to_repeat(self._pipeline, experiment, changes)
        return {
            "experiment": experiment,
            "parameters": parameters,
            "changes": changes,
            "command": command,
            "experiment_file": experiment_file,
            "git_commit": commit and commit.removesuffix("-dirty"),
            "git_dirty": bool(commit and commit.endswith("-dirty")),
        }

    def _describe(self) -> dict[str, Any]:
        return {"pipeline": self._pipeline, "changes": len(self._changes)}
