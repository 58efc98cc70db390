"""The rows of a study: which have to be run, and running them."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from graft.compute import available_processors
from graft.errors import GraftError
from graft.progress import track
from graft.studies.plan import PlannedRow, StudyPlan
from graft.studies.processes import Ended, Job, list_gpus, run_jobs
from graft.tracking.provenance import PARENT_VARIABLE
from graft.tracking.summary import as_typed

logger = logging.getLogger(__name__)

FOUND, RAN, FAILED = "found", "ran", "failed"
_DONE = "# ended well"  # the last line of such a log
_NO_RECORD = "it ended well, but left no record of results on the images that are there now"


class Trial(NamedTuple):
    """A row with one of the seeds."""

    row: PlannedRow
    seed: int

    @property
    def name(self) -> str:
        return _with_seed(self.row.name, self.seed)


def run_rows(
    plan: StudyPlan, processes: int, program: str, parent_run: str | None
) -> dict[str, Any]:
    """Run what has not been run yet, each configuration once.

    Args:
        plan: The study.
        processes: Rows at the same time.
        program: The path of `kedro`.
        parent_run: MLflow's id of the study's run, if it has one.

    Returns:
        Of each row by its name a list, an entry a seed: seed, state (found: had been run before;
        ran; failed), run_as (the row of the same configuration under whose name it ran) and
        problem ("" where there is none).

    Raises:
        KeyboardInterrupt, SystemExit: Somebody asked to stop; the rows have saved their states.
    """
    outcomes: dict[tuple[str, int], tuple[str, str]] = {}
    trials = _trials(plan)
    first = _first_of_each_configuration(trials)
    to_run = trials_to_run(plan)
    _say_what_runs(plan, first, to_run)
    while to_run:
        for trial, problem in _run(plan, to_run, processes, program, parent_run):
            outcomes[trial.row.fingerprint, trial.seed] = (FAILED if problem else RAN, problem)
        to_run = [t for key, t in first.items() if key not in outcomes and not plan.record(*t)]
        if to_run:
            names = ", ".join(trial.name for trial in to_run)
            logger.warning("The images were replaced since %s ran: once more, then.", names)
    told: dict[str, Any] = {row.name: [] for row in plan.rows}
    for trial in trials:
        key = (trial.row.fingerprint, trial.seed)
        state, problem = outcomes.get(key, (FOUND, ""))
        told[trial.row.name].append(
            {
                "seed": trial.seed,
                "state": state,
                "run_as": first[key].row.name,
                "problem": problem,
            }
        )
    return told


def require_success(outcomes: Mapping[str, Any]) -> None:
    """Let a study whose rows have not all run fail.

    Raises:
        GraftError: A row has failed; the message has each one's reason.
    """
    failed = [
        (name, one) for name, told in outcomes.items() for one in told if one["state"] == FAILED
    ]
    if failed:
        raise GraftError(
            f"{len({name for name, _ in failed})} of {len(outcomes)} rows failed:\n"
            + "\n".join(
                f"{_with_seed(name, one['seed'])}: {one['problem']}" for name, one in failed
            )
            + "\nThe table of the others is saved. The same command runs the failed ones again."
        )


def trials_to_run(plan: StudyPlan) -> list[Trial]:
    """Those without a record: of rows of one configuration the first one."""
    first = _first_of_each_configuration(_trials(plan))
    return [trial for trial in first.values() if not plan.record(*trial)]


def first_of_shared_images(trials: Sequence[Trial]) -> list[Trial]:
    """Of the trials that decode the same images, the first one; of those alone with theirs none."""
    by_images: dict[str, list[Trial]] = {}
    for trial in trials:
        by_images.setdefault(trial.row.pixel_key, []).append(trial)
    return [sharing[0] for sharing in by_images.values() if len(sharing) > 1]


def row_command(
    plan: StudyPlan, trial: Trial, program: str, extra: Mapping[str, Any], pipeline: str = ""
) -> tuple[str, ...]:
    """The command that runs a row: what a person would type.

    Args:
        plan: The study.
        trial: The row and its seed.
        program: `kedro`, or its path.
        extra: More parameters, dotted names; what the study was given wins over them.
        pipeline: Another one than the row's own.
    """
    given = {"seed": trial.seed, **extra, **plan.given}
    parameters = ",".join(f"{key}={as_typed(value)}" for key, value in given.items())
    return (
        program,
        "run",
        f"--pipeline={pipeline or trial.row.pipeline}",
        "-x",
        trial.row.name,
        *plan.configuration,
        f"--params={parameters}",
    )


def kedro_program() -> str:
    """`kedro` of the environment that this process runs in, which need not be in PATH."""
    return str(Path(sys.executable).with_name("kedro"))


def _with_seed(name: str, seed: int) -> str:
    return name if seed == 0 else f"{name}, seed {seed}"


def _trials(plan: StudyPlan) -> list[Trial]:
    return [Trial(row, seed) for row in plan.rows for seed in plan.seeds]


def _first_of_each_configuration(trials: Sequence[Trial]) -> dict[tuple[str, int], Trial]:
    first: dict[tuple[str, int], Trial] = {}
    for trial in trials:
        first.setdefault((trial.row.fingerprint, trial.seed), trial)
    return first


def _say_what_runs(plan: StudyPlan, first: Mapping[Any, Trial], to_run: Sequence[Trial]) -> None:
    logger.info(
        "%s: %d rows with %d seeds are %d configurations; %d of them have been run, %d are run "
        "now. Their output: %s",
        plan.file.name,
        len(plan.rows),
        len(plan.seeds),
        len(first),
        len(first) - len(to_run),
        len(to_run),
        plan.logs,
    )


def _run(
    plan: StudyPlan,
    to_run: Sequence[Trial],
    processes: int,
    program: str,
    parent_run: str | None,
) -> Iterator[tuple[Trial, str]]:
    if not to_run:
        return
    processes = min(processes, len(to_run))
    gpus = list_gpus() if processes > 1 else []
    environment = {**os.environ, "COLUMNS": "120", "NO_COLOR": "1"}
    if parent_run:
        environment[PARENT_VARIABLE] = parent_run
    extra: dict[str, Any] = {}
    if processes > 1 and all(trial.row.threads == "auto" for trial in to_run):
        extra["compute.threads"] = max(1, available_processors() // processes)
    jobs = {_job(plan, trial, program, extra): trial for trial in to_run}
    try:
        if processes > 1:
            _ingest_once(plan, to_run, program, environment)
        ended = run_jobs(list(jobs), processes, plan.project, environment, gpus)
        for end in track(ended, f"Rows of {plan.file.name}", total=len(jobs)):
            trial = jobs[end.job]
            yield trial, _say_how_it_ended(plan, trial, end)
    except (KeyboardInterrupt, SystemExit):
        logger.warning("The study stops. The same command goes on where it was.")
        raise


def _job(plan: StudyPlan, trial: Trial, program: str, extra: Mapping[str, Any]) -> Job:
    """A row goes on with its own interrupted training, and with no other one.

    A training's state outlives its end, so one that is there may be of other parameters or of a
    run that ended well: the log tells.
    """
    row = trial.row
    header = f"# {row.name}: configuration {row.fingerprint}, seed {trial.seed}, {dict(extra)}"
    log = plan.logs / f"{row.name}-seed{trial.seed}.log"
    last = log.read_text(errors="replace").splitlines() if log.exists() else []
    resume = "auto" if last[:1] == [header] and last[-1] != _DONE else "never"
    return Job(
        name=trial.name,
        command=row_command(plan, trial, program, {"training.resume": resume, **extra}),
        log=log,
        header=header,
    )


def _ingest_once(
    plan: StudyPlan, to_run: Sequence[Trial], program: str, environment: Mapping[str, str]
) -> None:
    """Decode the images before rows that share them begin together.

    What is wrong with them each row will say itself.
    """
    jobs = [
        Job(
            name=f"images of {trial.name}",
            command=row_command(plan, trial, program, {}, pipeline="ingest"),
            log=plan.logs / f"ingest-{trial.row.pixel_key}.log",
            header=f"# {trial.row.pixel_key}",
        )
        for trial in first_of_shared_images(to_run)
    ]
    for end in run_jobs(jobs, 1, plan.project, environment):
        if not end.problem:
            logger.info("Prepared the %s in %.0f s.", end.job.name, end.seconds)


def _say_how_it_ended(plan: StudyPlan, trial: Trial, end: Ended) -> str:
    problem = end.problem or ("" if plan.record(*trial) else _NO_RECORD)
    if problem:
        logger.error("%s failed after %.0f s: %s", trial.name, end.seconds, problem)
    else:
        with end.job.log.open("a") as log:
            log.write(f"\n{_DONE}\n")
        logger.info("%s is done, %.0f s.", trial.name, end.seconds)
    return problem
