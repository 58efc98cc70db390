"""Where a run comes from: the tags that every MLflow run of this process carries."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from graft.lease import job_restarts

VERSION_TAG = "version"  # the name under which the catalog has what the run saved
WORKS_FOR_TAG = "works_for"  # of a worker's run: the process that started it, as `process_tags`
# The environment variable in which a study tells its rows which MLflow run they belong to.
PARENT_VARIABLE = "GRAFT_PARENT_RUN"
_PACKAGES = ("graft", "torch", "torchvision", "scikit-learn", "numpy", "kedro", "mlflow")
PARENT_TAG = "mlflow.parentRunId"  # MLflow's own, by which its page nests runs


class RunTags:
    """Hands MLflow the tags of a run at the moment it is made: a "run context provider".

    Tags that are set a moment later would be missing from a run whose process is killed between.
    Runs inside the run (`mlflow.start_run(nested=True)`) get them too.
    """

    def __init__(self) -> None:
        self._tags: dict[str, str] = {}
        self._is_registered = False

    def provide(self, tags: dict[str, str]) -> None:
        """Give these tags, or none, to every run that is made from now on."""
        from mlflow.tracking.context.registry import _run_context_provider_registry

        self._tags = tags
        if not self._is_registered:
            _run_context_provider_registry.register(lambda: self)
            self._is_registered = True

    def in_context(self) -> bool:
        return bool(self._tags)

    def tags(self) -> dict[str, str]:
        return self._tags


def run_tags(project_path: Path, experiment: str) -> dict[str, str]:
    """Tags that say which code ran, how it was started, and in which process.

    `git_commit` is left out where the project is in no git repository, `torch` where there is none.
    A run that a study has started is tagged as the study's child.
    """
    tags = {
        "experiment": experiment,
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "python": platform.python_version(),
        **process_tags(),
    }
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        tags["torch"] = importlib.metadata.version("torch")
    if parent := os.environ.get(PARENT_VARIABLE):
        tags[PARENT_TAG] = parent
    commit = git_commit(project_path)
    if commit:
        tags["git_commit"] = commit.removesuffix("-dirty")
        tags["git_dirty"] = str(commit.endswith("-dirty")).lower()
    return tags


def git_commit(project_path: Path) -> str | None:
    """The commit that is checked out, with "-dirty" behind it where tracked files differ."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        answer = subprocess.run(
            command, cwd=project_path, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):  # no git, or one that hangs on a slow disk
        return None
    return answer.stdout.strip() or None


def surroundings() -> dict[str, Any]:
    """What this process runs on: python, platform, processors, and the versions of packages."""
    versions = {}
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "versions": versions,
    }


def process_tags() -> dict[str, str]:
    """This process in a form that a later one can check with `is_alive`, and its job of SLURM."""
    tags = {"host": socket.gethostname(), "process": _identity(os.getpid()) or str(os.getpid())}
    if job := os.environ.get("SLURM_JOB_ID"):
        tags |= {"slurm_job": job, "slurm_start": str(job_restarts())}
    return tags


def is_alive(process: str) -> bool:
    """Whether the process of a tag runs on this host.

    The identity holds the time of its start, so a process number used anew is not taken for it.
    """
    return _identity(int(process.partition(":")[0])) == process


def _identity(pid: int) -> str | None:
    """The pid and on Linux ":" and its start in clock ticks since boot; None for a dead process."""
    if Path("/proc/self/stat").exists():
        try:
            # Behind the program's name, which may hold anything, stand the state and much more.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        state, start = fields[0], fields[19]
        return None if state in "ZX" else f"{pid}:{start}"  # Z, X: ended, not yet cleared away
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass  # somebody else's process, but it is there
    return str(pid)
