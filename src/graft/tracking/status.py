"""How a run ends: FINISHED, FAILED or KILLED, and never RUNNING for ever.

kedro-mlflow ends a run that finished or raised an exception. Left to themselves, though, Ctrl-C
makes a run FINISHED (MLflow ends open runs so at exit), SIGTERM leaves it RUNNING, and so does
SIGKILL. `RunStatus` mends the first two while the process lives, once a training that is under way
has saved its state; `reap_stale_runs` mends the third at the next start.
"""

from __future__ import annotations

import atexit
import logging
import os
import signal
import threading
from types import FrameType

from graft import interruption, lease
from graft.tracking.provenance import is_alive, process_tags

logger = logging.getLogger(__name__)

# Ctrl-C, a terminal that closes and a scheduler that stops a job, or is about to (SIGUSR2), mean
# the same: end now, and orderly.
_SIGNALS = {
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGUSR2: signal.SIG_DFL,
    signal.SIGINT: signal.default_int_handler,
}


class RunStatus:
    """Ends open runs as KILLED when the process is interrupted while it is armed."""

    def __init__(self) -> None:
        self._armed_in: int | None = None
        self._replaced: list[signal.Signals] = []

    def arm(self) -> None:
        """From here on an interruption kills the run. Call it before the run is started."""
        self._armed_in = os.getpid()
        # Exit handlers run last in, first out: this one before MLflow's, which says FINISHED.
        atexit.register(self.end_interrupted)
        if threading.current_thread() is threading.main_thread():
            for number, usual in _SIGNALS.items():
                if signal.getsignal(number) is usual:  # else nohup or somebody else's: leave it
                    signal.signal(number, _stop_on_signal)
                    self._replaced.append(number)

    def disarm(self) -> None:
        """The pipeline is over, its run ended by whoever is in charge of that."""
        self._armed_in = None
        atexit.unregister(self.end_interrupted)
        for number in self._replaced:
            # A job of SLURM that is warned now would be queued again, with nothing left to do.
            is_warning = number == signal.SIGUSR2 and os.environ.get(lease.VARIABLE)
            signal.signal(number, signal.SIG_IGN if is_warning else _SIGNALS[number])
        self._replaced.clear()

    def end_interrupted(self) -> None:
        """End what an interrupted pipeline left open; nothing where it ended orderly."""
        if self._armed_in != os.getpid():  # disarmed, or a fork, whose parent goes on
            return
        import mlflow

        self.disarm()
        while run := mlflow.active_run():
            mlflow.end_run("KILLED")
            logger.warning("Interrupted: MLflow run %s is marked as KILLED.", run.info.run_id)


def reap_stale_runs(experiment: str) -> None:
    """Mark as KILLED the MLflow runs whose process on this host is gone (SIGKILL, a power cut).

    And those of an earlier start of this job of SLURM, whose host may be gone.

    Args:
        experiment: The name of the MLflow experiment.
    """
    from mlflow import MlflowClient

    client = MlflowClient()
    in_mlflow = client.get_experiment_by_name(experiment)
    if in_mlflow is None:
        return
    here = process_tags()
    experiments, running = [in_mlflow.experiment_id], "attributes.status = 'RUNNING'"
    found = client.search_runs(experiments, f"{running} and tags.host = '{here['host']}'")
    gone = [run for run in found if (at := run.data.tags.get("process")) and not is_alive(at)]
    if "slurm_job" in here:
        found = client.search_runs(
            experiments, f"{running} and tags.slurm_job = '{here['slurm_job']}'"
        )
        gone += [run for run in found if run.data.tags["slurm_start"] != here["slurm_start"]]
    for run_id in dict.fromkeys(run.info.run_id for run in gone):
        client.set_terminated(run_id, "KILLED")
        logger.warning("The process of MLflow run %s is gone: it is marked as KILLED.", run_id)


def _stop_on_signal(number: int, frame: FrameType | None) -> None:
    """A training saves its state first; what listens to nobody, or to a second signal, ends now."""
    if not interruption.ask(number):
        interruption.interrupt(number)
