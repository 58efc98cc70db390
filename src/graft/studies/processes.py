"""Commands in processes of their own, so many at a time, that end orderly when they are told to.

Nothing here knows what the commands do.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from graft import interruption

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.1
_SHOWN_LINES = 15
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Job:
    """A command to run.

    Attributes:
        name: What to call it.
        command: The program and its arguments.
        log: The file that gets its output, both streams, below a first line of its own.
        header: That line.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    header: str


@dataclass(frozen=True)
class Ended:
    """A job that has ended.

    Attributes:
        job: The job.
        problem: Why it failed, with the last lines of its output; "" where it ended well.
        seconds: How long it took.
    """

    job: Job
    problem: str
    seconds: float


def run_jobs(
    jobs: Sequence[Job],
    processes: int,
    folder: Path,
    environment: Mapping[str, str],
    gpus: Sequence[str] = (),
) -> Iterator[Ended]:
    """Run jobs, and yield each as it ends.

    A signal that asks to stop (Ctrl-C, SIGTERM, SIGUSR2; see `graft.interruption`) is handed on to
    the jobs as SIGTERM, and this waits until they have ended orderly. A second one kills them.
    Where the process that runs this is killed itself, Linux tells them to stop.

    Args:
        jobs: In the order in which to start them.
        processes: How many run at the same time.
        folder: Where they run.
        environment: All their variables.
        gpus: Names for CUDA_VISIBLE_DEVICES: the first of `processes` places gets the first one
            and so on, from the beginning again where there are more places than GPUs. Without
            any, the variable is left alone.

    Raises:
        KeyboardInterrupt, SystemExit: As the signal that asked would have ended this process.
    """
    waiting = list(jobs)
    running: dict[int, _Running] = {}  # by place
    with interruption.deferred():
        try:
            while waiting or running:
                if interruption.requested():
                    _stop(list(running.values()))
                    interruption.interrupt()
                for place in set(range(processes)) - running.keys():
                    if waiting:
                        job = waiting.pop(0)
                        running[place] = _Running(job, folder, _at(place, environment, gpus))
                time.sleep(_POLL_SECONDS)
                for place, process in list(running.items()):
                    if process.has_ended():
                        del running[place]
                        yield process.result()
        finally:
            for process in running.values():
                process.kill()


class _Running:
    """A job's process, in a session of its own: a terminal's Ctrl-C reaches this process alone."""

    def __init__(self, job: Job, folder: Path, environment: Mapping[str, str]) -> None:
        self.job = job
        self._begun = time.monotonic()
        job.log.parent.mkdir(parents=True, exist_ok=True)
        with job.log.open("wb") as log:
            log.write(f"{job.header}\n".encode())
            log.flush()
            self._process = subprocess.Popen(
                job.command,
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_stop_with_parent,
            )

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def wait(self) -> None:
        self._process.wait()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def result(self) -> Ended:
        status = self._process.returncode
        problem = ""
        if status:
            ended = f"ended by signal {-status}" if status < 0 else f"exit status {status}"
            problem = f"{ended}\n{_last_lines(self.job.log)}\n(all of it: {self.job.log})"
        return Ended(self.job, problem, time.monotonic() - self._begun)


def list_gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name.strip() not in ("", "-1")]  # -1: none
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]


def _at(place: int, environment: Mapping[str, str], gpus: Sequence[str]) -> dict[str, str]:
    if not gpus:
        return dict(environment)
    return {**environment, "CUDA_VISIBLE_DEVICES": gpus[place % len(gpus)]}


def _stop(running: Sequence[_Running]) -> None:
    logger.warning("Interrupted: %d processes save their state and end.", len(running))
    for process in running:
        process.stop()
    for process in running:
        process.wait()


def _stop_with_parent() -> None:
    """In the new process: whoever kills the study without a word stops its rows as well."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _last_lines(log: Path) -> str:
    lines = log.read_text(errors="replace").rstrip().splitlines()
    return "\n".join(lines[-_SHOWN_LINES:])
