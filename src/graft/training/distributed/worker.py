"""One process of a training: what the launcher starts."""

from __future__ import annotations

import logging
import os
import pickle
import traceback
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from graft.compute import resolve_compute
from graft.errors import GraftError
from graft.training.distributed.group import Group, PeerLost
from graft.training.distributed.job import Job, read_job
from graft.training.distributed.line import Address, Caller, Line, LogLine
from graft.training.distributed.watching import Reporter

if TYPE_CHECKING:
    from graft.compute import Compute
    from graft.training.session import TrainedClassifier


def work(folder: str, address: Address, log_level: int, environment: Mapping[str, str]) -> None:
    """Train with the others; what comes of it is said on the line.

    Args:
        folder: Of the job.
        address: Of whoever waits.
        log_level: What of the log is wanted there.
        environment: Variables that have to be set.

    Raises:
        PeerLost: Another process is gone; the launcher then starts all of them again.
    """
    os.environ.update(environment)
    here = _Place(os.environ)
    try:
        line = Line(address, Caller(here.local_rank, os.getpid(), here.restarts))
    except OSError:  # nobody waits any more
        return
    _log_to(line if here.local_rank == 0 else None, log_level)
    group = Group(here.rank, here.size, restarted=here.restarts > 0)
    line.watch(group)
    try:
        trained = _train(read_job(Path(folder)), here, group, line)
        if here.local_rank == 0:
            line.say("result", trained)
    except (KeyboardInterrupt, SystemExit):
        line.say("stopped")
    except PeerLost as error:
        line.say("lost", str(error))
        raise
    except Exception as error:
        line.say("error", _portable(error))


class _Place:
    """Where this process stands among the others, as torch's launcher says by the environment."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.rank = int(environment["RANK"])
        self.size = int(environment["WORLD_SIZE"])
        self.local_rank = int(environment["LOCAL_RANK"])
        self.local_size = int(environment["LOCAL_WORLD_SIZE"])
        self.restarts = int(environment["TORCHELASTIC_RESTART_COUNT"])


def _train(job: Job, here: _Place, group: Group, line: Line) -> TrainedClassifier:
    import torch.distributed

    from graft.training.session import train_together

    compute = _share_of(job.compute, here)
    torch.distributed.init_process_group(
        backend_for(compute.device), timeout=timedelta(seconds=job.timeout)
    )
    saves = here.local_rank == 0 and job.saves_state
    group.first = group.gather(saves).index(True)
    trained = train_together(
        job.model,
        job.store,
        job.recipe,
        job.policy,
        compute,
        job.seed,
        observers=[Reporter(line)] if here.local_rank == 0 else [],
        initial_weights=job.initial_weights,
        keeper=job.keeper,
        reuse=job.reuse,
        group=group,
    )
    torch.distributed.destroy_process_group()
    return trained


def backend_for(device: str) -> str:
    """How processes on such devices talk to each other."""
    return "nccl" if device.startswith("cuda") else "gloo"


def _share_of(compute: Compute, here: _Place) -> Compute:
    """A GPU of its own, or the host's threads divided by its processes."""
    import torch

    device = compute.device
    if device.startswith("cuda"):
        device = f"cuda:{here.local_rank}"
        torch.cuda.set_device(device)
    threads = max(1, compute.threads // here.local_size)
    return resolve_compute(
        device, compute.precision, threads, compute.compiled, compute.memory_format
    )


def _log_to(line: Line | None, level: int) -> None:
    """Hand the log over; of all processes of a host one is enough."""
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.handlers = [LogLine(line) if line else logging.NullHandler()]
    root.setLevel(level)
    logging.getLogger("graft.compute").setLevel(logging.WARNING)  # what was chosen is known


def _portable(error: Exception) -> Exception:
    """The error; one that nobody expected with its traceback as a note: that does not travel."""
    if not isinstance(error, GraftError):
        error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # whatever it is that does not travel
        return RuntimeError("".join(traceback.format_exception(error)))
    return error
