"""Who may save in a job of SLURM that was started again: one process, the newest."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from graft.errors import GraftError
from graft.lease import VARIABLE, LeaseLostError, held_lease, take_lease
from graft.storage import committed, is_committed


@pytest.fixture(autouse=True)
def job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Job 7, started for the first time."""
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_CLUSTER_NAME", "test")
    monkeypatch.delenv("SLURM_RESTART_COUNT", raising=False)
    monkeypatch.setenv(VARIABLE, "")


def save(target: Path, text: str) -> None:
    with committed(target) as folder:
        (folder / "weights").write_text(text)


def start_again(monkeypatch: pytest.MonkeyPatch, restarts: int, folder: Path) -> None:
    monkeypatch.setenv("SLURM_RESTART_COUNT", str(restarts))
    take_lease(folder)


def test_outside_slurm_nothing_is_taken_and_everything_is_saved(tmp_path, monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID")
    take_lease(tmp_path / "leases")
    save(tmp_path / "model", "new")
    assert not (tmp_path / "leases").exists()
    assert is_committed(tmp_path / "model")


def test_the_holder_saves(tmp_path):
    take_lease(tmp_path / "leases")
    save(tmp_path / "model", "new")
    assert (tmp_path / "leases/test-7").read_text() == "0\n"
    assert (tmp_path / "model/weights").read_text() == "new"


def test_runs_of_one_start_of_the_job_share_the_lease(tmp_path):
    take_lease(tmp_path)
    take_lease(tmp_path)
    with held_lease(), held_lease():
        pass


def test_whoever_was_overtaken_saves_nothing_and_leaves_nothing_behind(tmp_path, monkeypatch):
    take_lease(tmp_path / "leases")
    save(tmp_path / "models/best", "old")
    start_again(monkeypatch, 1, tmp_path / "leases")
    monkeypatch.delenv("SLURM_RESTART_COUNT")  # the orphan
    with pytest.raises(LeaseLostError, match=r"job 7 again \(start 1, this is start 0\)"):
        save(tmp_path / "models/best", "orphan's")
    assert (tmp_path / "models/best/weights").read_text() == "old"
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["best"]


def test_an_older_start_cannot_take_the_lease_back(tmp_path, monkeypatch):
    start_again(monkeypatch, 12, tmp_path)
    with pytest.raises(LeaseLostError):
        start_again(monkeypatch, 9, tmp_path)
    assert (tmp_path / "test-7").read_text() == "12\n"


def test_another_job_does_not_matter(tmp_path, monkeypatch):
    take_lease(tmp_path)
    first = os.environ[VARIABLE]
    monkeypatch.setenv("SLURM_JOB_ID", "8")
    start_again(monkeypatch, 3, tmp_path)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv(VARIABLE, first)
    monkeypatch.delenv("SLURM_RESTART_COUNT")
    with held_lease():
        pass


def test_a_lease_that_somebody_removed_is_said_to_be_gone(tmp_path):
    take_lease(tmp_path)
    (tmp_path / "test-7").unlink()
    with pytest.raises(GraftError, match="is gone"), held_lease():
        pass


def test_taking_over_waits_for_a_commit_that_is_under_way(tmp_path, monkeypatch):
    """Else the orphan's rename could follow the newer one's first look."""
    take_lease(tmp_path)
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    done: list[str] = []
    taking = threading.Thread(target=lambda: (take_lease(tmp_path), done.append("taken")))
    monkeypatch.setenv("SLURM_RESTART_COUNT", "0")
    with held_lease():
        monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
        taking.start()
        taking.join(0.2)
        assert done == []
        done.append("committed")
    taking.join(10)
    assert done == ["committed", "taken"]


WRITER = """
import sys
from pathlib import Path
from graft.lease import LeaseLostError, take_lease
from graft.storage import committed

folder = Path(sys.argv[1])
take_lease(folder / "leases")
print("taken", flush=True)
for number in range(100_000):
    try:
        with committed(folder / "state") as target:
            (target / "by").write_text(sys.argv[2])
    except LeaseLostError:
        sys.exit(3)
    if number == 5:
        print("saved", flush=True)
"""


def test_of_two_processes_the_newer_one_wins_and_the_older_one_ends(tmp_path):
    """Both save without a pause; the one that was started again is never followed by the other."""
    variables = {"PYTHONPATH": str(Path(__file__).parents[1] / "src"), VARIABLE: ""}

    def start(restarts: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), restarts],
            env={**os.environ, **variables, "SLURM_RESTART_COUNT": restarts},
            stdout=subprocess.PIPE,
            text=True,
        )

    orphan = start("0")
    assert orphan.stdout is not None
    assert [orphan.stdout.readline(), orphan.stdout.readline()] == ["taken\n", "saved\n"]
    winner = start("1")
    try:
        assert winner.stdout is not None
        assert [winner.stdout.readline(), winner.stdout.readline()] == ["taken\n", "saved\n"]
        for _ in range(50):
            assert (tmp_path / "state/by").read_text() == "1"
        assert orphan.wait(60) == 3
    finally:
        orphan.kill()
        winner.kill()
        orphan.wait()
        winner.wait()
    assert (tmp_path / "state/by").read_text() == "1"
