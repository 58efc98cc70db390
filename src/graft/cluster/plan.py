"""Which jobs a `kedro run` becomes: one, the rows of a study and the study, a sweep's workers.

A task of an array is a plain `kedro run`, as a person would type it for that row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft.cluster.script import Job
from graft.errors import GraftError
from graft.tracking.run_record import PARTS

if TYPE_CHECKING:
    from graft.config.cluster import Cluster

# What the other hosts run while the first one runs a pipeline that trains.
_HELPERS = {
    "training": "training_helper",
    "transfer_learning": "training_helper",
    "single_network": "single_network_helper",
    "pretraining": "pretraining_helper",
}
# A row that SLURM starts again goes on all the same (`graft.lease.job_restarts`).
_ANEW = {"training.resume": "never"}


@dataclass(frozen=True)
class Request:
    """A `kedro run` that is to become jobs.

    Attributes:
        arguments: What follows `kedro run`, as it was typed.
        options: The same as Kedro understands it, by the names of its options.
        pipelines: What it runs.
        parameters: All parameters of the run.
        conf: The project's `conf`.
        project: The project's folder.
    """

    arguments: tuple[str, ...]
    options: Mapping[str, Any]
    pipelines: tuple[str, ...]
    parameters: Mapping[str, Any]
    conf: Path
    project: Path

    @property
    def name(self) -> str:
        """For the queue and the log: "training-digits", "study-mnist"."""
        subject = self.parameters["experiment"]
        if self.pipelines == ("study",):
            subject = self.parameters["study"]
        return re.sub(r"[^\w.+-]", "_", f"{'+'.join(self.pipelines)}-{subject}")


def plan_jobs(request: Request, cluster: Cluster) -> list[Job]:
    """The jobs, in the order in which they have to run: each waits for the end of the one before.

    Raises:
        GraftError: The run does not fit the job, or cannot be several.
    """
    typed = ("kedro", "submit", *request.arguments)
    run = ("kedro", "run", *request.arguments)
    if request.pipelines == ("study",):
        return [*_jobs_of_rows(request, typed), Job(request.name, typed, (run,))]
    if request.pipelines == ("sweep",):
        _require_database_for(cluster.workers, request.parameters["sweep"]["storage"])
        return [Job(request.name, typed, (run,) * cluster.workers)]
    processes = request.parameters["processes"]
    if 0 < cluster.gpu_count < processes["per_host"]:
        raise GraftError(
            f"processes.per_host: each of {processes['per_host']} processes takes a GPU; the job "
            f"asks for {cluster.gpu_count} on each node. Say --gpus={processes['per_host']}."
        )
    hosts = processes["hosts"]
    helper = _helper_command(request) if hosts > 1 else ()
    return [Job(request.name, typed, (run,), hosts, helper)]


def _helper_command(request: Request) -> tuple[str, ...]:
    """What the other hosts run, with the parameters of the first one.

    Raises:
        GraftError: The run is not one that can be helped.
    """
    if len(request.pipelines) > 1 or request.pipelines[0] not in _HELPERS:
        raise GraftError(
            "processes.hosts: several hosts train together in one of the pipelines "
            f"{', '.join(_HELPERS)}, not in {'+'.join(request.pipelines)}."
        )
    if any(request.options[part] for part in PARTS):
        raise GraftError(
            "processes.hosts: the other hosts take part in all trainings of a pipeline: leave out "
            "the options that choose some of its nodes."
        )
    chosen = [f"--env={request.options['env']}"] if request.options["env"] else []
    if request.options["conf_source"]:
        chosen.append(f"--conf-source={request.options['conf_source']}")
    if typed := _typed_parameters(request.arguments):
        chosen.append(f"--params={typed}")
    helper, experiment = _HELPERS[request.pipelines[0]], request.parameters["experiment"]
    return ("kedro", "run", f"--pipeline={helper}", "-x", experiment, *chosen)


def _typed_parameters(arguments: Sequence[str]) -> str:
    """The value of --params, of several the last one, as Kedro takes it."""
    found = ""
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if word == "--params":
            found = following
        elif word.startswith("--params="):
            found = word.removeprefix("--params=")
    return found


def _jobs_of_rows(request: Request, typed: tuple[str, ...]) -> list[Job]:
    """Images that rows share, then the rows seed by seed, but for those that have been run.

    The seeds of a row do not run at the same time: they keep the state of a training in one place.
    """
    from graft.studies.plan import plan_study
    from graft.studies.rows import Trial, row_command

    chosen = request.parameters["study_rows"]
    plan = plan_study(
        request.conf,
        request.project,
        request.parameters["study"],
        chosen["only"],
        chosen["seeds"],
        request.options["params"],
        request.options["env"],
    )
    jobs = []
    by_images: dict[str, list[Trial]] = {}
    for seed in plan.seeds:
        trials: dict[str, Trial] = {}  # rows of one configuration run once
        for row in plan.rows:
            if plan.record(row, seed) is None:
                trials.setdefault(row.fingerprint, Trial(row, seed))
        for trial in trials.values():
            by_images.setdefault(trial.row.pixel_key, []).append(trial)
        if trials:
            name = f"{request.name}-rows" + (f"-seed{seed}" if len(plan.seeds) > 1 else "")
            tasks = tuple(row_command(plan, trial, "kedro", _ANEW) for trial in trials.values())
            jobs.append(Job(name, typed, tasks))
    shared = [trials[0] for trials in by_images.values() if len(trials) > 1]
    if shared:
        tasks = tuple(row_command(plan, t, "kedro", _ANEW, pipeline="ingest") for t in shared)
        jobs.insert(0, Job(f"{request.name}-images", typed, tasks, needs_gpus=False))
    return jobs


def _require_database_for(workers: int, storage: str | None) -> None:
    if workers > 1 and storage is None:
        raise GraftError(
            f"sweep.storage: {workers} workers on several nodes need a database server: set it to "
            "postgresql://user@host/database. Or say --workers=1: one job, in which sweep.workers "
            "processes share an SQLite file."
        )
