"""Who may save: of the processes that take themselves for one SLURM job, the newest.

When a node is lost, SLURM starts its job again on another one. At times only the network was lost,
and the first process computes on: an orphan. Both would save into the same folders, and the
orphan's older state could come to lie on top of the newer one.

So a run in a SLURM job takes a lease: it writes how often the job has been started again
(SLURM_RESTART_COUNT, a "fencing token") into a file that all nodes see. Every commit
(`graft.storage`) looks there first, and whoever finds a number that is not its own saves nothing
any more, and ends. Looking and committing are one step under a lock, which taking the lease waits
for: once it is taken, nothing older can appear. This is as sound as the locks of the file system.

Outside SLURM nothing is taken, and every commit goes ahead.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from graft.errors import GraftError

logger = logging.getLogger(__name__)

VARIABLE = "GRAFT_LEASE"  # the file, for every process that this one starts


class LeaseLostError(GraftError):
    """SLURM has started this job again elsewhere: what this process computes is not wanted."""


def job_restarts() -> int:
    """How often SLURM has started this job again before; 0 outside SLURM."""
    return int(os.environ.get("SLURM_RESTART_COUNT") or 0)


def take_lease(folder: Path) -> None:
    """Be the one process of this SLURM job that may save, and those that it starts.

    Several runs of one and the same start of the job share the lease. A commit of an earlier start
    that is under way is waited for. Nothing outside SLURM.

    Args:
        folder: For the leases, a small file a job, on a disk that all nodes share. It is made.

    Raises:
        LeaseLostError: The job has been started again since this start of it.
    """
    job = os.environ.get("SLURM_JOB_ID")
    if job is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{os.environ.get('SLURM_CLUSTER_NAME', 'slurm')}-{job}"
    path.touch()
    with path.open("r+") as file, _locked(file, exclusively=True):
        if _holder(file) > job_restarts():
            raise _lost(file)
        file.seek(0)
        file.write(f"{job_restarts()}\n")  # numbers only grow, so it covers what stood there
        file.flush()
        os.fsync(file.fileno())
    os.environ[VARIABLE] = str(path)


@contextmanager
def held_lease() -> Iterator[None]:
    """While this is open, nobody takes the lease over. Nothing where none was taken.

    Raises:
        LeaseLostError: Somebody has taken it over, or removed it; raised before the block begins.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        yield
        return
    try:
        # Of several processes that commit at once none waits for another one.
        with open(path, "r+") as file, _locked(file, exclusively=False):
            if _holder(file) != job_restarts():
                raise _lost(file)
            yield
    except FileNotFoundError as error:
        if error.filename != path:  # the block's own
            raise
        raise GraftError(
            f"The lease {path} is gone, so nothing tells whether this SLURM job was started again: "
            "nothing is saved any more. Leave that folder alone while jobs run."
        ) from error


def _holder(file: IO[str]) -> int:
    """The start of the job that holds the lease; -1 for none."""
    file.seek(0)
    return int(file.read() or -1)


def _lost(file: IO[str]) -> LeaseLostError:
    return LeaseLostError(
        f"SLURM has started job {os.environ['SLURM_JOB_ID']} again (start {_holder(file)}, this "
        f"is start {job_restarts()}), as it does when it loses sight of a node. The newer one goes "
        "on from the state that was saved; this one saves nothing any more, and ends."
    )


@contextmanager
def _locked(file: IO[str], *, exclusively: bool) -> Iterator[None]:
    """Hold the file's lock; it goes with the process, however that ends."""
    import fcntl  # not on Windows, where there is no SLURM either

    lock = fcntl.LOCK_EX if exclusively else fcntl.LOCK_SH
    try:
        fcntl.flock(file, lock | fcntl.LOCK_NB)
    except BlockingIOError:
        logger.info("Waiting for another process to release the lease %s.", file.name)
        fcntl.flock(file, lock)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)
