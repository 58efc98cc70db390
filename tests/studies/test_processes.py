"""Processes side by side: how many, and how they end when somebody wants them to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from graft.studies.processes import Job, run_jobs

PYTHON = (sys.executable, "-SEc")

STUDY = """
import json, os, signal, sys
from pathlib import Path
from graft import interruption
from graft.studies.processes import Job, run_jobs

def ask(number, frame):
    if not interruption.ask(number):
        interruption.interrupt(number)

for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
    signal.signal(number, ask)
child = (
    "import pathlib, signal, sys, time\\n"
    "def stop(*_):\\n"
    "    time.sleep(float(sys.argv[2]))\\n"
    "    pathlib.Path(sys.argv[1] + '.saved').touch()\\n"
    "    sys.exit(143)\\n"
    "signal.signal(signal.SIGTERM, stop)\\n"
    "pathlib.Path(sys.argv[1] + '.begun').touch()\\n"
    "time.sleep(60)\\n"
)
folder, saving = Path(sys.argv[1]), sys.argv[2]
jobs = [
    Job(name, (sys.executable, "-SEc", child, name, saving), folder / f"{name}.log", "")
    for name in ("a", "b")
]
for ended in run_jobs(jobs, 2, folder, dict(os.environ)):
    print("ended", ended.job.name)
"""


def job(folder: Path, name: str, code: str) -> Job:
    return Job(name, (*PYTHON, code), folder / f"{name}.log", f"# {name}")


def test_each_job_leaves_its_output_below_its_header(tmp_path: Path) -> None:
    code = "import sys; print('out'); sys.stdout.flush(); print('err', file=sys.stderr)"
    (ended,) = run_jobs([job(tmp_path, "a", code)], 1, tmp_path, os.environ)
    assert (ended.job.name, ended.problem) == ("a", "")
    assert (tmp_path / "a.log").read_text() == "# a\nout\nerr\n"


def test_a_killed_job_says_by_which_signal(tmp_path: Path) -> None:
    code = "import os; os.kill(os.getpid(), 9)"
    (ended,) = run_jobs([job(tmp_path, "a", code)], 1, tmp_path, os.environ)
    assert ended.problem.startswith("ended by signal 9")


def test_never_more_than_so_many_at_a_time(tmp_path: Path) -> None:
    code = (
        "import pathlib, time; now = pathlib.Path('{name}.now'); now.touch();"
        "print(len(list(pathlib.Path().glob('*.now')))); time.sleep(.2); now.unlink()"
    )
    jobs = [job(tmp_path, name, code.format(name=name)) for name in "abcde"]
    assert len(list(run_jobs(jobs, 2, tmp_path, os.environ))) == 5
    at_once = [int((tmp_path / f"{name}.log").read_text().split()[-1]) for name in "abcde"]
    assert max(at_once) == 2


@pytest.fixture
def begin(tmp_path: Path):
    """Start a study of two long jobs that take `saving` seconds to end orderly."""
    begun = []

    def begin(saving: float) -> subprocess.Popen[str]:
        study = subprocess.Popen(
            [sys.executable, "-c", STUDY, str(tmp_path), str(saving)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        begun.append(study)
        wait_for(lambda: all((tmp_path / f"{name}.begun").exists() for name in "ab"))
        return study

    yield begin
    for study in begun:
        study.kill()
        study.wait()


def wait_for(happens) -> None:
    end = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, -2), (signal.SIGTERM, 143), (signal.SIGUSR2, 140)]
)
def test_a_signal_lets_the_jobs_save_and_ends_the_study_as_itself(
    begin, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    study = begin(0.2)
    study.send_signal(number)
    output, _ = study.communicate(timeout=60)
    assert all((tmp_path / f"{name}.saved").exists() for name in "ab")
    assert "ended" not in output
    if number == signal.SIGINT:  # Python ends by the signal itself
        assert "KeyboardInterrupt" in output
    assert study.returncode == status


def test_a_second_signal_does_not_wait(begin, tmp_path: Path) -> None:
    study = begin(50)
    study.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    study.send_signal(signal.SIGTERM)
    study.communicate(timeout=20)
    assert not list(tmp_path.glob("*.saved"))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children")
def test_jobs_of_a_killed_study_are_told_to_stop(begin, tmp_path: Path) -> None:
    study = begin(0)
    study.kill()
    study.communicate()
    wait_for(lambda: all((tmp_path / f"{name}.saved").exists() for name in "ab"))
