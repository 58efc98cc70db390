"""Starts a training's processes by torch's elastic launcher, and waits for what they find.

The launcher runs in a thread: in the main one signals arrive and observers watch, as they do where
a training needs no second process. A process that dies or does not answer takes the others of its
generation with it, and the next one goes on from the newest state to the same bits.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from graft import interruption
from graft.errors import GraftError
from graft.training.distributed.job import Job, write_job
from graft.training.distributed.line import Address, Caller, Said, Switchboard
from graft.training.distributed.watching import Audience
from graft.training.distributed.worker import work

if TYPE_CHECKING:
    from graft.training.distributed.meeting import Processes
    from graft.training.loop import TrainingObserver
    from graft.training.session import TrainedClassifier

logger = logging.getLogger(__name__)

RESTARTS = 5
_SECONDS_TO_SAY_SO = 2.0  # after one process has missed another, for all that are able to
_SECONDS_TO_LEAVE = 20.0
_POLL = 0.1  # seconds
# Imported once for all processes and restarts; the first optimizer of a process imports dynamo.
_PRELOADED = (
    "graft.training.distributed.worker",
    "graft.training.session",
    "torch._dynamo",
    "pandas",
)
_WORDS_OF_ELASTIC = "torch.distributed.elastic.multiprocessing.api"


def launch(
    processes: Processes, observers: Sequence[TrainingObserver], job: Job
) -> TrainedClassifier:
    """Train in several processes.

    Args:
        processes: How many, and where.
        observers: Who watches, here.
        job: What there is to do.

    Raises:
        GraftError: As by `graft.training.session.train_classifier`; or processes died so often that
            something must be wrong.
        KeyboardInterrupt, SystemExit: A stop was requested; the state is saved.
    """
    # A launcher that takes its time to leave may still be writing there.
    scratch = tempfile.TemporaryDirectory(prefix="graft-training-", ignore_cleanup_errors=True)
    with scratch as folder, interruption.deferred():
        write_job(Path(folder), job)
        board, audience = Switchboard(), Audience(observers)
        logger.info(
            "Training in %d processes, with %d CPU threads each.",
            processes.count,
            max(1, job.compute.threads // processes.per_host),
        )
        agent = _Agent(processes, Path(folder), board.address)
        try:
            return _Waiting(board, agent, audience).wait()
        finally:
            board.close()
            audience.leave()
            agent.join(_SECONDS_TO_LEAVE)


class _Agent(threading.Thread):
    """Torch's launcher: starts this host's processes, and starts them again.

    Attributes:
        error: What it ended with, or None.
    """

    def __init__(self, processes: Processes, folder: Path, address: Address) -> None:
        super().__init__(name="launcher", daemon=True)
        self._processes, self._folder, self._address = processes, folder, address
        self.error: Exception | None = None

    def run(self) -> None:
        from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
        from torch.distributed.launcher.api import LaunchConfig, elastic_launch

        # What is blocked in this thread is blocked in the processes that it starts: Ctrl-C and a
        # scheduler's warning reach the whole process group, and are for the waiting one to answer.
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP, signal.SIGUSR2})
        config = LaunchConfig(
            nproc_per_node=self._processes.per_host,
            max_restarts=RESTARTS,
            start_method=_start_method(),
            logs_specs=DefaultLogsSpecs(log_dir=str(self._folder)),
            **self._processes.meeting.launcher_options(),
        )
        level = logging.getLogger("graft").getEffectiveLevel()
        try:
            with _quiet(), _environment(self._processes.meeting.environment()) as environment:
                elastic_launch(config, work)(str(self._folder), self._address, level, environment)
        except Exception as error:  # who waits for it says what it means
            self.error = error


@dataclass
class _Waiting:
    """Hands on what the processes say, and what they have to be told."""

    board: Switchboard
    agent: _Agent
    audience: Audience
    restarts: int = 0
    doomed: dict[Caller, float] = field(default_factory=dict)
    reason: str = ""
    stopped: bool = False
    trained: TrainedClassifier | None = None

    def wait(self) -> TrainedClassifier:
        """Until they are done."""
        self.agent.start()
        told: set[Caller] = set()
        # Who has said something may be gone before it has been heard.
        while self.agent.is_alive() or self.board.callers or not self.board.said.empty():
            with suppress(queue.Empty):
                self._hear(self.board.said.get(timeout=_POLL))
            if interruption.requested():
                if not self.board.callers and not self.audience.has_started:
                    interruption.interrupt()  # nothing is there to be saved
                told = self._tell_those_who_have_not_been(told)
            self._end_those_who_do_not_answer()
        if self.trained is not None:
            return self.trained
        if self.stopped:
            interruption.interrupt()
        raise self._what_went_wrong() from self.agent.error

    def _what_went_wrong(self) -> GraftError:
        from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

        if not isinstance(self.agent.error, ChildFailedError):
            return GraftError(
                f"The training's processes could not be started: {self.agent.error!r}. Where "
                "several hosts are to take part, see whether all of them were started, reach "
                "processes.rendezvous, and agree on processes.hosts."
            )
        reason = f" ({self.reason})" if self.reason else ""
        return GraftError(
            f"The training's processes died {RESTARTS + 1} times{reason}. Where the system kills "
            "them for want of memory, lower processes.per_host; training.resume: auto goes on "
            "from the newest state."
        )

    def _hear(self, said: Said) -> None:
        caller, kind, what = said
        if caller.restarts > self.restarts:
            self.restarts = caller.restarts
            logger.warning(
                "A process of the training died, or did not answer%s. All of them go on from the "
                "newest state (restart %d of %d).",
                f" ({self.reason})" if self.reason else "",
                self.restarts,
                RESTARTS,
                extra={"markup": False},  # torch's own words have brackets, as consoles' tags have
            )
        match kind:
            case "log":
                record = logging.makeLogRecord(what)
                log = logging.getLogger(record.name)
                if log.isEnabledFor(record.levelno):
                    log.handle(record)
            case "error":
                raise what
            case "lost":
                self.reason = what.partition("\n")[0]
                deadline = time.monotonic() + _SECONDS_TO_SAY_SO
                self.doomed |= {other: deadline for other in self.board.callers}
            case "result":
                self.trained = what
            case "stopped":
                self.stopped = True
            case _:
                self.audience.hear(kind, what)

    def _tell_those_who_have_not_been(self, told: set[Caller]) -> set[Caller]:
        callers = set(self.board.callers)
        if callers - told:
            self.board.tell(interruption.asked_by() or signal.SIGINT)
        return callers

    def _end_those_who_do_not_answer(self) -> None:
        """The launcher asks them by SIGTERM, which a stopped process does not get, for 30 s."""
        there = self.board.callers
        for caller, deadline in list(self.doomed.items()):
            if caller not in there:
                del self.doomed[caller]
            elif time.monotonic() > deadline:
                with suppress(ProcessLookupError):
                    os.kill(caller.process, signal.SIGKILL)
                del self.doomed[caller]


def _start_method() -> str:
    """How processes are started: by a server that has imported torch once, where there is one."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return "spawn"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_PRELOADED))
    return "forkserver"


@contextmanager
def _quiet() -> Iterator[None]:
    """What the launcher has to say of a process that died is said better above."""
    log = logging.getLogger(_WORDS_OF_ELASTIC)
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[dict[str, str]]:
    """Environment variables while the block runs, those that are set already left alone.

    The block gets them all: the server that starts processes has the environment of its own start.
    """
    new = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield {name: os.environ[name] for name in values}
    finally:
        for name in new:
            os.environ.pop(name, None)
