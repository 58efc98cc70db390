"""The script of a job, as a person would write it for sbatch.

A time limit is no end: SLURM sends SIGUSR2 shortly before, the run saves its training and ends with
the status of a signal, and the script puts the job back into the queue. Started again, it goes on
to the same bits (`graft.lease.job_restarts`).

The shell waits for the run instead of becoming it (`exec`), for two reasons: SLURM ends a job that
is queued again at once, so the run has to have saved by then; and a signal that arrives while
Python still imports ends it with the same status, and the job is queued again as well.
"""

from __future__ import annotations

import shlex
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graft.config.cluster import Cluster

LOGS = Path("data/slurm")
WARNED = 128 + signal.SIGUSR2  # how a run ends that was told so by SIGUSR2


@dataclass(frozen=True)
class Job:
    """What there is to run.

    Attributes:
        name: What the queue shows.
        command: What was typed.
        tasks: Commands of an array's tasks, each a list of words; a job with one is no array.
        hosts: Nodes that train together.
        helper: The command for all nodes but the first.
        needs_gpus: Whether it computes much.
    """

    name: str
    command: tuple[str, ...]
    tasks: tuple[tuple[str, ...], ...]
    hosts: int = 1
    helper: tuple[str, ...] = ()
    needs_gpus: bool = True

    @property
    def is_array(self) -> bool:
        return len(self.tasks) > 1

    def log(self, job_id: str) -> str:
        """The log of a job with this id, relative to the project; "*" stands for all tasks."""
        number = f"{job_id}_*" if self.is_array else job_id
        return f"{LOGS}/{self.name}-{number}.log"


def render_script(job: Job, cluster: Cluster, project: Path, programs: Path) -> str:
    """The script.

    Args:
        job: What to run.
        cluster: What to ask for.
        project: The project's folder; the same path on all nodes.
        programs: The folder with `kedro`.
    """
    options = "\n".join(f"#SBATCH {option}" for option in _options(job, cluster, project))
    setup = "\n".join([*cluster.setup, f'export PATH={shlex.quote(str(programs))}:"$PATH"'])
    again = '"${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"' if job.is_array else '"$SLURM_JOB_ID"'
    return f"""\
#!/bin/bash
# Made by: {shlex.join(job.command).replace(chr(10), " ")}
{options}

{setup}

# {cluster.warning} s before the time is up SLURM sends this shell SIGUSR2, which the run has to
# get: it saves its training and ends with status {WARNED}. Queued again, it goes on from there.
# A second one would tear it out of the saving.
trap 'trap "" USR2; kill -USR2 "$!"' USR2
{_start(job, cluster)} &
wait "$!" || wait "$!"  # the signal ends the first
status=$?
if [ "$status" = {WARNED} ] && [ "${{SLURM_RESTART_COUNT:-0}}" -lt {cluster.restarts} ]; then
    scontrol requeue {again}
fi
exit "$status"
"""


def _options(job: Job, cluster: Cluster, project: Path) -> list[str]:
    found = {
        "--job-name": job.name,
        "--chdir": str(project),
        "--output": f"{LOGS}/%x-{'%A_%a' if job.is_array else '%j'}.log",
        "--partition": cluster.partition,
        "--account": cluster.account,
        "--time": cluster.time,
        "--array": _array(job, cluster),
        "--nodes": job.hosts,
        "--ntasks-per-node": 1,
        "--gpus-per-node": cluster.gpus if job.needs_gpus and cluster.gpu_count else None,
        "--cpus-per-task": cluster.cpus,
        "--mem": cluster.memory,
        "--mail-user": cluster.mail_user,
        "--mail-type": "END,FAIL,REQUEUE" if cluster.mail_user else None,
    }
    given = [f"{key}={shlex.quote(str(v))}" for key, v in found.items() if v is not None]
    going_on = ["--requeue", "--open-mode=append", f"--signal=B:USR2@{cluster.warning}"]
    return [*given, *going_on, *cluster.options]


def _array(job: Job, cluster: Cluster) -> str | None:
    if not job.is_array:
        return None
    at_once = f"%{cluster.at_once}" if cluster.at_once else ""
    return f"0-{len(job.tasks) - 1}{at_once}"


def _start(job: Job, cluster: Cluster) -> str:
    """The lines that start the run; the last one lacks its "&"."""
    if job.hosts > 1:
        # srun tells the runs where the first node is; of sbatch it does not inherit the CPUs.
        return f"""\
on_each_node() {{
    if [ "$SLURM_NODEID" = 0 ]; then
        exec {shlex.join(job.tasks[0])}
    fi
    exec {shlex.join(job.helper)}
}}
export -f on_each_node
srun --cpus-per-task={cluster.cpus} bash -c on_each_node"""
    if len(set(job.tasks)) == 1:
        return shlex.join(job.tasks[0])
    cases = [f"    {number}) task=({shlex.join(task)}) ;;" for number, task in enumerate(job.tasks)]
    return "\n".join(['case "$SLURM_ARRAY_TASK_ID" in', *cases, "esac", '"${task[@]}"'])
