"""What a run knows of itself."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from graft.datasets import RunOriginDataset

CHANGES = [{"key": "seed", "value": 1, "default": 0, "preset": 0}]


def origin(folder: Path) -> dict[str, Any]:
    return RunOriginDataset(
        project_path=str(folder),
        pipeline="comparison",
        parameters={"experiment": "digits", "seed": 1},
        changes=CHANGES,
    ).load()


def test_outside_a_repository_there_is_no_commit(tmp_path: Path) -> None:
    found = origin(tmp_path)
    assert found["git_commit"] is None
    assert found["git_dirty"] is False
    assert found["command"] == "kedro run --pipeline=comparison -x digits --params=seed=1"
    assert found["changes"] == CHANGES
    assert found["parameters"] == {"experiment": "digits", "seed": 1}
    assert found["python"] == platform.python_version()
    assert found["versions"]["torch"] == importlib.metadata.version("torch")


def test_changed_files_are_told(tmp_path: Path) -> None:
    if not shutil.which("git"):
        pytest.skip("needs git")
    git = ["git", "-c", "user.name=Graft", "-c", "user.email=graft@example.org"]
    (tmp_path / "file").write_text("one")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "one"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    clean = origin(tmp_path)
    (tmp_path / "file").write_text("two")
    changed = origin(tmp_path)
    assert clean["git_commit"] == changed["git_commit"]
    assert len(clean["git_commit"]) == 40
    assert (clean["git_dirty"], changed["git_dirty"]) == (False, True)
