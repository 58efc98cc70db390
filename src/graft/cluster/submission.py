"""Handing scripts to SLURM."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from graft.cluster.script import LOGS
from graft.errors import GraftError

# SLURM sets these in some jobs only, and sbatch hands on what it finds: those of the job in which
# somebody submits would be taken for the new job's own.
_OF_THIS_JOB = ("SLURM_RESTART_COUNT", "SLURM_ARRAY_")


def submit_script(script: str, project: Path, after: str | None) -> str:
    """Put a script into the queue.

    Args:
        script: Its text.
        project: The project's folder.
        after: The id of a job whose end, good or bad, it has to wait for; None for none.

    Returns:
        The job's id.

    Raises:
        GraftError: There is no SLURM here, or it does not take the job.
    """
    sbatch = shutil.which("sbatch")
    if sbatch is None:
        raise GraftError(
            "There is no sbatch here: jobs are submitted on a node of a cluster with SLURM, mostly "
            "the one that you log in to. --dry-run shows the script anywhere."
        )
    (project / LOGS).mkdir(parents=True, exist_ok=True)  # without it a job ends without a word
    dependency = [f"--dependency=afterany:{after}"] if after else []
    done = subprocess.run(
        [sbatch, "--parsable", *dependency],
        input=script,
        cwd=project,
        env={k: v for k, v in os.environ.items() if not k.startswith(_OF_THIS_JOB)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise GraftError(
            f"SLURM does not take the job:\n{done.stderr.strip()}\n"
            "What it is asked for stands in conf/base/cluster.yml and conf/local/cluster.yml; "
            "options of kedro submit win, and --dry-run shows all of it."
        )
    job_id, *_ = done.stdout.strip().split(";")  # then the cluster's name, if there are several
    return job_id
