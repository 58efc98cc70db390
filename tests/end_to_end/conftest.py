"""One finished run of `transfer_learning` that the tests of this folder share."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from .project_copy import ProjectCopy

GIT = ["git", "-c", "user.name=Graft", "-c", "user.email=graft@example.org"]


@dataclass(frozen=True)
class FinishedRun:
    project: ProjectCopy
    output: str
    returncode: int


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """A fresh copy in a git repository of its own, and the first run in it."""
    path = tmp_path_factory.mktemp("project")
    project = ProjectCopy.make(path)
    if shutil.which("git"):
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "A copy"]):
            subprocess.run([*GIT, *command], cwd=path, check=True)
    process = project.kedro("run", "--pipeline=transfer_learning", "--params=svm.C=5.0")
    return FinishedRun(project, process.stdout, process.returncode)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A fresh project for the tests of one file."""
    return ProjectCopy.make(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session")
def isolate() -> Callable[..., list[str]]:
    """Build the command that runs another one with something of the system taken away.

    Linux's `unshare`; it needs root, and a container may forbid it: then the test is skipped.
    """

    def isolate(option: str) -> list[str]:
        unshare = shutil.which("unshare")
        if not unshare or os.geteuid() != 0:
            pytest.skip("needs root and the command `unshare`")
        if subprocess.run([unshare, option, "true"], capture_output=True, check=False).returncode:
            pytest.skip(f"this machine does not allow `unshare {option}`")
        return [unshare, option]

    return isolate
