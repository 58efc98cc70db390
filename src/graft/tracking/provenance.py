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

VERSION_TAG = "version"  # the name under which the catalog has what the run saved


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
    """
    tags = {
        "experiment": experiment,
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "python": platform.python_version(),
        **process_tags(),
    }
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        tags["torch"] = importlib.metadata.version("torch")
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


def process_tags() -> dict[str, str]:
    """This process in a form that a later one can check with `is_alive`."""
    return {"host": socket.gethostname(), "process": _identity(os.getpid()) or str(os.getpid())}


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
