"""The workers of one host: as many processes that do the same, started and started again."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from graft import interruption
from graft.sweeps.study import RUN, open_study, reap, settled
from graft.sweeps.trials import SweepJob, TrainedTrial
from graft.sweeps.work import work
from graft.tracking.trials import ParentRun, end_of_dead

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext
    from multiprocessing.process import BaseProcess

    from optuna.trial import FrozenTrial

    from graft.sweeps.plan import Plan
    from graft.sweeps.storage import TrialStorage

logger = logging.getLogger(__name__)

_POLL = 0.5  # seconds
_SECONDS_TO_LEAVE = 30.0  # a batch, and what there is to write
_DEATHS_WITHOUT_PROGRESS = 5
# Imported once for all workers of this host.
PRELOADED = ("graft.sweeps.trials", "graft.training.session", "torch._dynamo", "optuna", "mlflow")


def run_trials(
    job: SweepJob, count: int, on_settled: Callable[[list[FrozenTrial]], None] = lambda _: None
) -> list[FrozenTrial]:
    """Let workers try until as many trials are settled as were planned, here and on other hosts.

    A worker that dies is replaced, and what it was at is tried again, once.

    Args:
        job: What there is to do.
        count: How many workers.
        on_settled: Told of all settled trials whenever there are more.

    Returns:
        All settled trials, in the order of their numbers.

    Raises:
        RuntimeError: A worker ended by an error of the program, or workers died again and again.
        KeyboardInterrupt, SystemExit: A stop was requested; no trial is left running.
    """
    job.storage.make()
    from graft.training.distributed.job import write_job

    with tempfile.TemporaryDirectory(prefix="graft-sweep-") as folder, interruption.deferred():
        write_job(Path(folder), job)
        crew = Crew(count, lambda number: _start(Path(folder), number, count))
        return supervise(job.plan, job.storage, crew, on_settled, job.parent)


class Crew:
    """Some worker processes.

    Args:
        count: How many.
        start: Starts the one with this number.
    """

    def __init__(self, count: int, start: Callable[[int], BaseProcess]) -> None:
        self._start = start
        self.workers: dict[int, BaseProcess | None] = dict.fromkeys(range(count))

    def complete(self) -> None:
        """Start those that are missing."""
        for number, worker in self.workers.items():
            if worker is None:
                self.workers[number] = self._start(number)

    def gone(self) -> list[int]:
        """The exit codes of those that have ended since the last call."""
        codes = []
        for number, worker in self.workers.items():
            if worker is not None and worker.exitcode is not None:
                codes.append(worker.exitcode)
                self.workers[number] = None
        return codes

    def dismiss(self) -> None:
        """Ask all of them to end, and see to it."""
        there = [worker for worker in self.workers.values() if worker is not None]
        for worker in there:
            worker.terminate()
        deadline = time.monotonic() + _SECONDS_TO_LEAVE
        for worker in there:
            worker.join(max(0.0, deadline - time.monotonic()))
            if worker.exitcode is None:
                worker.kill()
                worker.join()


def supervise(
    plan: Plan,
    storage: TrialStorage,
    crew: Crew,
    on_settled: Callable[[list[FrozenTrial]], None],
    parent: ParentRun | None = None,
) -> list[FrozenTrial]:
    """See to it that the sweep comes to its end; see `run_trials`."""
    study = open_study(plan, storage)
    deaths, known = 0, -1
    try:
        while True:
            _reap(study, storage, parent)
            trials = settled(study.get_trials(deepcopy=False))
            if len(trials) > known:
                deaths, known = 0, len(trials)
                on_settled(trials)
            if known >= plan.trials:
                return trials
            if interruption.requested():
                interruption.interrupt()
            codes = crew.gone()
            if any(code > 0 for code in codes):
                raise RuntimeError("A worker of the sweep ended by the error that stands above.")
            deaths += sum(code < 0 for code in codes)
            if deaths >= _DEATHS_WITHOUT_PROGRESS:
                raise RuntimeError(
                    f"{deaths} workers of the sweep died before a trial was done. Where the system "
                    "kills them for want of memory, lower sweep.workers."
                )
            if any(code < 0 for code in codes):
                logger.warning("A worker of the sweep died. Another one takes its place.")
            running = sum(trial.state.name == "RUNNING" for trial in study.get_trials(False))
            if known + running < plan.trials:
                crew.complete()
            time.sleep(_POLL)
    finally:
        crew.dismiss()
        _reap(study, storage, parent)


def _reap(study: Any, storage: TrialStorage, parent: ParentRun | None) -> None:
    for trial in reap(study, storage):
        end_of_dead(parent, trial.user_attrs.get(RUN))
        logger.warning(
            "The process of trial %d is gone; its parameters are tried again once.", trial.number
        )


def _start(folder: Path, number: int, count: int) -> BaseProcess:
    process = _context().Process(
        target=_be_a_worker, args=(folder, number, count), name=f"worker {number}", daemon=True
    )
    process.start()
    return process


def _context() -> ForkServerContext | SpawnContext:
    """How processes are started: by a server that has imported torch once, where there is one."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


def _be_a_worker(folder: Path, number: int, count: int) -> None:
    """A worker process from its first line to its last."""
    from graft.training.distributed.job import read_job

    obey_the_parent()
    logging.basicConfig(level=logging.WARNING, format=f"worker {number}: %(message)s")
    try:
        job: SweepJob = read_job(folder)
        objective = TrainedTrial(job, share_of_compute(job.parameters["compute"], number, count))
        work(job.plan, job.storage, objective, number)
    except KeyboardInterrupt:
        return  # as it was asked to


def obey_the_parent() -> None:
    """End at a batch's end when the parent asks by SIGTERM; Ctrl-C is for the parent to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR2):
        signal.signal(number, _stop if number == signal.SIGTERM else signal.SIG_IGN)


def share_of_compute(compute: dict[str, Any], number: int, count: int) -> dict[str, Any]:
    """A worker's part of the machine: its share of the threads, and one of the GPUs in turn."""
    import torch

    from graft.compute import resolve_threads

    threads = max(1, resolve_threads(compute["threads"]) // count)
    device = compute["device"]
    if device in ("auto", "cuda") and (gpus := torch.cuda.device_count()):
        device = f"cuda:{number % gpus}"
    return {**compute, "threads": threads, "device": device}


def _stop(number: int, frame: FrameType | None) -> None:
    # A scheduler asks all processes, and then the parent asks once more.
    if not interruption.ask(signal.SIGINT) and not interruption.requested():
        raise KeyboardInterrupt
