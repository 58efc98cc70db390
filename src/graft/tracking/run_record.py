"""The run record: what a finished run was told and where its results lie, as one small JSON file.

Every run that evaluates classifiers leaves one under its experiment's name. MLflow knows the same
and more, but may be a server that is away; a record lies beside the results and needs nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from graft.nested import leaves
from graft.storage import is_committed
from graft.tracking.compared_runs import is_decisive

RUN_RECORD = "run_record"  # its entry in the catalog, which no node makes
FORMAT = 1
# The options of `kedro run` that choose some of a pipeline's nodes.
PARTS = ("tags", "from_nodes", "to_nodes", "node_names", "from_inputs", "to_outputs", "namespaces")
# A run that makes one of these is recorded; a drawing or a report of results is not the run that
# made them.
RESULTS = ("metrics", "sweep_trials")

_SWEEP = "sweep."
# Where the images lie, and what computes.
_OF_THE_MACHINE = ("source.folder", "compute.", "processes.", "training.micro_batch_size")


@dataclass(frozen=True)
class RunRecord:
    """A run that ended well.

    Attributes:
        experiment: The name of its experiment.
        pipeline: The pipeline that ran, several joined by "+".
        whole: Whether all of it ran, and not from or to some node.
        fingerprint: The same for runs whose results may differ by the seed alone (`fingerprint`).
        seed: Its seed.
        parameters: All of them, nested.
        changes: Where they differ from the defaults, rows of `graft.config.changes.list_changes`.
        data: The digest of the images that it worked on; "" where it touched none.
        files: What it saved, by the names in the catalog: paths relative to the project, absolute
            where they lie outside.
        run_id: MLflow's; None where it was not tracked.
        version: Under which the catalog has its results.
        commit: As `graft.tracking.provenance.git_commit` says it, None outside a repository.
        started: UTC, ISO 8601.
        seconds: From the first node to the end of the last; None where an earlier process may
            have begun it, which took nobody knows how long.
        machine: host, gpu (that torch used, or None) and `graft.tracking.provenance.surroundings`.
        format: Of the record.
    """

    experiment: str
    pipeline: str
    whole: bool
    fingerprint: str
    seed: int
    parameters: Mapping[str, Any]
    changes: list[dict[str, Any]]
    data: str
    files: Mapping[str, str]
    run_id: str | None
    version: str
    commit: str | None
    started: str
    seconds: float | None
    machine: Mapping[str, Any]
    format: int = FORMAT

    def has_results(self, project: Path) -> bool:
        """Whether all of the pipeline ran, and what it found still lies there."""
        found = [project / self.files[name] for name in RESULTS if name in self.files]
        return self.whole and bool(found) and all(is_committed(file.parent) for file in found)

    def to_json(self) -> dict[str, Any]:
        """The record as JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> RunRecord:
        """The record that `to_json` made."""
        return cls(**content)


def decides(key: str, pipeline: str) -> bool:
    """Whether the parameter of this dotted name can change what a run of the pipeline finds.

    A section that is named like a pipeline counts for that pipeline and for no other.
    """
    if key.startswith(_SWEEP):  # most of it decides on what a sweep finds, none on a training
        return pipeline == "sweep" and is_decisive(key)
    return is_decisive(key) or key.startswith(f"{pipeline}.")


def is_of_the_machine(change: Mapping[str, Any]) -> bool:
    """Whether a parameter was changed to suit a machine, and makes no other configuration.

    Args:
        change: A row of `graft.config.changes.list_changes`.
    """
    return change["key"].startswith(_OF_THE_MACHINE) or _is_file_of_published_weights(change)


def fingerprint(pipeline: str, parameters: Mapping[str, Any]) -> str:
    """A digest of a pipeline and of the parameters that decide on its results, all but the seed."""
    decisive = {key: value for key, value in leaves(parameters) if decides(key, pipeline)}
    content = json.dumps([pipeline, decisive], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _is_file_of_published_weights(change: Mapping[str, Any]) -> bool:
    """Whether weights that have a name are only taken from a file of one's own."""
    named = change["preset"] not in ("none", "shipped")
    return change["key"] == "model.weights" and named and "/" in str(change["value"])


def records_of(folder: Path) -> Iterator[RunRecord]:
    """The complete records of an experiment, newest first.

    Args:
        folder: Of the experiment's reports, `data/08_reporting/<experiment>`.
    """
    name = f"{RUN_RECORD}.json"
    for version in sorted((folder / name).glob("*"), reverse=True):
        if is_committed(version):
            content = json.loads((version / name).read_text())
            if content["format"] == FORMAT:
                yield RunRecord.from_json(content)
