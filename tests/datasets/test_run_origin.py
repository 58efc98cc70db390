"""What a run knows of itself."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from kedro.io import Version

from graft.datasets import MetricsDataset, RunOriginDataset
from graft.tracking.provenance import surroundings
from graft.tracking.run_record import RunRecord

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


def origin_of_results(folder: Path, save: str, load: str | None = None) -> dict[str, Any]:
    return RunOriginDataset(
        project_path=str(folder),
        pipeline="transfer_learning",
        parameters={"experiment": "digits", "seed": 1},
        changes=CHANGES,
        filepath=str(folder / "digits/metrics.json"),
        version=Version(load, save),
    ).load()


def leave_results(folder: Path, version: str, seed: int | None) -> None:
    """The metrics of an earlier run, and its record where it left one (`seed`)."""
    for name, content in {"metrics": {}, "run_record": record(version, seed)}.items():
        if name == "metrics" or seed is not None:
            filepath = str(folder / f"digits/{name}.json")
            MetricsDataset(filepath=filepath, version=Version(None, version)).save(content)


def record(version: str, seed: int | None) -> dict[str, Any]:
    changes = [{"key": "seed", "value": seed, "default": 0, "preset": 0}]
    return RunRecord(
        experiment="digits",
        pipeline="transfer_learning",
        whole=True,
        fingerprint="ab",
        seed=seed or 0,
        parameters={"experiment": "digits", "seed": seed},
        changes=changes,
        data="cd",
        files={},
        run_id=None,
        version=version,
        commit="0123-dirty",
        started="2026-03-01T09:30:00+00:00",
        seconds=1.0,
        machine={**surroundings(), "processors": 96, "host": "far", "gpu": None},
    ).to_json()


def test_results_of_an_earlier_run_bring_what_that_one_was_told(tmp_path: Path) -> None:
    for number in (5, 6):
        leave_results(tmp_path, f"2026-03-0{number}T00.00.00.000Z", seed=number)
    newest = origin_of_results(tmp_path, save="2026-03-09T00.00.00.000Z")
    assert newest["parameters"] == {"experiment": "digits", "seed": 6}
    assert newest["command"] == "kedro run --pipeline=transfer_learning -x digits --params=seed=6"
    assert (newest["git_commit"], newest["git_dirty"]) == ("0123", True)
    assert newest["processors"] == 96
    assert newest["note"] is None
    pinned = origin_of_results(
        tmp_path, save="2026-03-09T00.00.00.000Z", load="2026-03-05T00.00.00.000Z"
    )
    assert pinned["parameters"]["seed"] == 5


def test_results_of_this_run_bring_its_own_parameters(tmp_path: Path) -> None:
    leave_results(tmp_path, "2026-03-05T00.00.00.000Z", seed=5)
    leave_results(tmp_path, "2026-03-09T00.00.00.000Z", seed=None)  # recorded when it ends
    found = origin_of_results(tmp_path, save="2026-03-09T00.00.00.000Z")
    assert found["parameters"]["seed"] == 1
    assert found["note"] is None


def test_results_without_a_record_are_told_with_a_note(tmp_path: Path, caplog: Any) -> None:
    leave_results(tmp_path, "2026-03-05T00.00.00.000Z", seed=None)
    found = origin_of_results(tmp_path, save="2026-03-09T00.00.00.000Z")
    assert found["parameters"]["seed"] == 1
    assert "2026-03-05T00.00.00.000Z" in found["note"]
    assert "left no record" in caplog.text


def test_without_results_it_is_this_run(tmp_path: Path) -> None:
    found = origin_of_results(tmp_path, save="2026-03-09T00.00.00.000Z")
    assert (found["parameters"]["seed"], found["note"]) == (1, None)
