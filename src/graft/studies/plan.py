"""What a study is to run: each row with its whole configuration, before anything has run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft.config.problems import ConfigError
from graft.errors import GraftError, did_you_mean
from graft.evaluation.verdicts import COUNTED
from graft.images.sources import get_source
from graft.nested import leaves
from graft.studies.images import are_replaced
from graft.studies.study_file import StudyFile, read_study
from graft.tracking.run_record import decides, fingerprint, is_of_the_machine, records_of
from graft.tracking.summary import as_typed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graft.config.loader import GraftConfigLoader
    from graft.tracking.run_record import RunRecord

# Parameters of the study itself; of the others each row gets what the study was given.
_OF_THE_STUDY = ("study", "study_rows.", "experiment", "seed")
# Of `_reported`, what is no measure of predictions.
_OTHER_FIGURES = ("method", "read_from", "per_class", "seconds", *COUNTED)


@dataclass(frozen=True)
class PlannedRow:
    """A row of the table.

    Attributes:
        name: The experiment's.
        description: One line.
        pipeline: What runs it.
        reported: What the report gives, `_reported` of the experiment.
        not_comparable: Why the report's number is of something else; "" where it is not.
        assumptions: What the report leaves open, and what was chosen.
        note: What a reader has to know.
        fingerprint: Of its configuration, see `graft.tracking.run_record`.
        same_as: The rows of the study with this very configuration, itself among them.
        pixel_key: Rows with the same one work on the same decoded images.
        threads: `compute.threads`.
        trains: Whether there are epochs; without any a network is only looked at.
    """

    name: str
    description: str
    pipeline: str
    reported: Mapping[str, Any]
    not_comparable: str
    assumptions: tuple[str, ...]
    note: str
    fingerprint: str
    same_as: tuple[str, ...]
    pixel_key: str
    threads: int | str
    trains: bool

    def reported_measures(self) -> dict[str, float]:
        """The reported numbers that a run's metrics have as well.

        The mean of reported accuracies of all classes is an accuracy. Where nothing is trained,
        what the network's parameters and operations are counted as is what the report measures.
        """
        figures = {k: float(v) for k, v in self.reported.items() if k not in _OTHER_FIGURES}
        per_class = self.reported.get("per_class")
        if not figures and per_class:
            figures["accuracy"] = sum(per_class) / len(per_class)
        if not self.trains:
            figures |= {key: float(self.reported[key]) for key in COUNTED if key in self.reported}
        return figures


@dataclass(frozen=True)
class StudyPlan:
    """A study, ready to be run.

    Attributes:
        file: What its file says.
        rows: The chosen rows, in the order of the file.
        seeds: With which each is run.
        given: Parameters that every row is given besides its seed, dotted names.
        environment: Kedro's, `--env`; None is the default.
        project: The project's folder.
        conf_source: Where the configuration lies, if not in the project's `conf`.
    """

    file: StudyFile
    rows: tuple[PlannedRow, ...]
    seeds: tuple[int, ...]
    given: Mapping[str, Any]
    environment: str | None
    project: Path
    conf_source: Path | None = None

    def record(self, row: PlannedRow, seed: int) -> RunRecord | None:
        """The newest run of this configuration and seed that counts, or None.

        Its results are there, and it has seen the images that are there now
        (`graft.studies.images`).
        """
        found = [
            record
            for name in row.same_as
            for record in records_of(self.project / "data/08_reporting" / name)
            if record.fingerprint == row.fingerprint and record.seed == seed
            if record.has_results(self.project) and not are_replaced(record, self.project)
        ]
        return max(found, key=lambda record: record.version, default=None)

    @property
    def command(self) -> str:
        """What makes the same table again."""
        given = {"study": self.file.name}
        if len(self.rows) < len(self.file.rows):
            given["study_rows.only"] = "+".join(row.name for row in self.rows)
        if self.seeds != (0,):
            given["study_rows.seeds"] = "+".join(map(str, self.seeds))
        typed = [f"{key}={as_typed(value)}" for key, value in {**given, **self.given}.items()]
        where = "".join(f" {shlex.quote(option)}" for option in self.configuration)
        return f"kedro run --pipeline=study{where} --params={shlex.quote(','.join(typed))}"

    @property
    def configuration(self) -> tuple[str, ...]:
        """The options of `kedro run` that choose the same configuration for a row."""
        environment = [f"--env={self.environment}"] if self.environment else []
        return (*environment, *([f"--conf-source={self.conf_source}"] if self.conf_source else []))

    @property
    def logs(self) -> Path:
        """Where the rows' output goes."""
        return self.project / "data/08_reporting/studies" / self.file.name / "logs"


def plan_study(
    conf_source: Path,
    project: Path,
    study: str | None,
    only: Sequence[str] | None,
    seeds: Sequence[int],
    runtime_params: Mapping[str, Any],
    environment: str | None,
) -> StudyPlan:
    """Read a study and the configuration of each of its rows.

    Args:
        conf_source: The project's `conf`.
        project: The project's folder.
        study: The study's name.
        only: The rows that are wanted; None for all.
        seeds: With which to run each.
        runtime_params: What the study was given on the command line, nested.
        environment: Kedro's, or None.

    Raises:
        GraftError: There is no such study, row or experiment, or a configuration is wrong.
    """
    from graft.config.loader import conf_folder

    file = read_study(conf_source / "studies", study)
    for name in only or ():
        if name not in file.rows:
            raise GraftError(
                f"study_rows.only: '{name}' is no row of {file.name}{did_you_mean(name, file.rows)}"
                f"\n      It has {', '.join(file.rows)}."
            )
    told = dict(leaves(runtime_params))
    if "seed" in told:
        raise GraftError("seed: a study takes the seeds of its rows from study_rows.seeds.")
    given = {key: value for key, value in told.items() if not key.startswith(_OF_THE_STUDY)}
    _require_typeable(given)
    loaders = {name: _load(name, conf_source, runtime_params, environment) for name in file.rows}
    prints = {
        name: fingerprint(loader.experiment.pipeline, loader["parameters"])
        for name, loader in loaders.items()
    }
    rows = [
        _planned(name, file, loaders[name], prints)
        for name in file.rows
        if name in (only or loaders)
    ]
    elsewhere = conf_source.resolve()
    return StudyPlan(
        file=file,
        rows=tuple(rows),
        seeds=tuple(dict.fromkeys(seeds)),  # a seed that is named twice is one
        given=given,
        environment=environment,
        project=project,
        conf_source=None if elsewhere == conf_folder(project).resolve() else elsewhere,
    )


def _require_typeable(given: Mapping[str, Any]) -> None:
    """Rows are commands, and of a command's --params Kedro takes every comma for the next key."""
    for key, value in given.items():
        if "," in as_typed(value):
            raise GraftError(
                f"{key}: a study cannot hand {as_typed(value)} on to its rows, whose command lines "
                "carry neither lists nor texts with a comma. Write experiment files with it that "
                "extend the rows, and a study of them: docs/studies.md."
            )


def _load(
    name: str, conf_source: Path, runtime_params: Mapping[str, Any], environment: str | None
) -> GraftConfigLoader:
    """The configuration as the row's own run will have it, but for its seed."""
    from graft.config.loader import load_configuration

    given = {k: v for k, v in runtime_params.items() if k not in ("study", "study_rows")}
    try:
        return load_configuration(conf_source, environment, {**given, "experiment": name})
    except ConfigError as error:
        raise ConfigError(f"The row {name}: {error}") from None


def _planned(
    name: str, file: StudyFile, loader: GraftConfigLoader, prints: Mapping[str, str]
) -> PlannedRow:
    derived, experiment = loader["globals"], loader.experiment
    source = loader["parameters"]["source"]
    get_source(source["name"]).require_folder(source["folder"])
    changed = _changed(derived["changes"], experiment.pipeline)
    read_from = experiment.reported.get("read_from", "")
    reasons = [
        file.rows[name],
        read_from and f"the reported number was read from {read_from}",
        changed and f"changed: {changed}",
    ]
    return PlannedRow(
        name=name,
        description=experiment.description,
        pipeline=experiment.pipeline,
        reported=experiment.reported,
        not_comparable="; ".join(filter(None, reasons)),
        assumptions=experiment.assumptions,
        note=experiment.note,
        fingerprint=prints[name],
        same_as=tuple(other for other in prints if prints[other] == prints[name]),
        pixel_key=derived["pixel_key"],
        threads=loader["parameters"]["compute"]["threads"],
        trains=loader["parameters"]["training"]["epochs"] > 0,
    )


def _changed(changes: Sequence[Mapping[str, Any]], pipeline: str) -> str:
    """Where the row is not what its file says: "training.epochs=1 instead of 20"."""
    return ", ".join(
        f"{row['key']}={as_typed(row['value'])} instead of {as_typed(row['preset'])}"
        for row in changes
        if row["value"] != row["preset"]
        and decides(row["key"], pipeline)
        and not is_of_the_machine(row)
    )
