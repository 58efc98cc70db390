"""Which jobs a `kedro run` becomes: one, the rows of a study and the study, a sweep's workers, the
images of several hosts and their training.

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
    is_named = request.options["pipeline"] or request.options["pipelines"]
    # The experiment's pipeline as it is now, whatever the configuration says when the job starts.
    named = () if is_named else (f"--pipeline={request.pipelines[0]}",)
    run = ("kedro", "run", *named, *request.arguments)
    if request.parameters["processes"]["hosts"] > 1:
        return _jobs_of_hosts(request, cluster, typed, run)
    if request.pipelines == ("study",):
        return [*_jobs_of_rows(request, typed), Job(request.name, typed, (run,))]
    if request.pipelines == ("sweep",):
        _require_database_for(cluster.workers, request.parameters["sweep"]["storage"])
        return [Job(request.name, typed, (run,) * cluster.workers)]
    _require_gpus(request, cluster)
    return [Job(request.name, typed, (run,))]


def _jobs_of_hosts(
    request: Request, cluster: Cluster, typed: tuple[str, ...], run: tuple[str, ...]
) -> list[Job]:
    """The images, which all hosts have to find stored, then the training.

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
    if parameters := _typed_parameters(request.arguments):
        chosen.append(f"--params={parameters}")
    _require_gpus(request, cluster)

    def command(pipeline: str) -> tuple[str, ...]:
        experiment = request.parameters["experiment"]
        return ("kedro", "run", f"--pipeline={pipeline}", "-x", experiment, *chosen)

    hosts, helper = request.parameters["processes"]["hosts"], _HELPERS[request.pipelines[0]]
    return [
        Job(f"{request.name}-images", typed, (command("ingest"),), needs_gpus=False),
        Job(request.name, typed, (run,), hosts, command(helper)),
    ]


def _require_gpus(request: Request, cluster: Cluster) -> None:
    per_host = request.parameters["processes"]["per_host"]
    if 0 < cluster.gpu_count < per_host:
        raise GraftError(
            f"processes.per_host: each of {per_host} processes takes a GPU; the job asks for "
            f"{cluster.gpu_count} on each node. Say --gpus={per_host}."
        )


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
    """Images that rows share, then the rows with each seed, but for those that have been run."""
    from graft.studies.plan import plan_study
    from graft.studies.rows import first_of_shared_images, row_command, trials_to_run

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
    trials = trials_to_run(plan)
    jobs = []
    if shared := first_of_shared_images(trials):
        tasks = tuple(row_command(plan, t, "kedro", _ANEW, pipeline="ingest") for t in shared)
        jobs.append(Job(f"{request.name}-images", typed, tasks, needs_gpus=False))
    if trials:
        tasks = tuple(row_command(plan, trial, "kedro", _ANEW) for trial in trials)
        jobs.append(Job(f"{request.name}-rows", typed, tasks))
    return jobs


def _require_database_for(workers: int, storage: str | None) -> None:
    if workers > 1 and storage is None:
        raise GraftError(
            f"sweep.storage: {workers} workers on several nodes need a database server: set it to "
            "postgresql://user@host/database. Or say --workers=1: one job, in which sweep.workers "
            "processes share an SQLite file."
        )
