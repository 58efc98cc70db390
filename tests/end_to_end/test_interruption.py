"""A run that is told to stop saves its training, is KILLED in MLflow, and can be gone on with."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from .project_copy import BIN, TIMEOUT, ProjectCopy

pytestmark = pytest.mark.slow

# Long enough to be stopped in its midst on any machine, and saved at every batch.
LONG = """
split: {train_size: 200}
training: {epochs: 400, checkpoint_seconds: 0.0}
"""

# Of the two trainings of the pipeline the one that is looked at.
COMMAND = (str(BIN / "kedro"), "run", "--pipeline=training", "--nodes=training.train_transferred")


def start(project: ProjectCopy, log: Path) -> subprocess.Popen[bytes]:
    """A training on the images that `ingest` has left, with signals as in a terminal."""
    with log.open("wb") as output:
        return subprocess.Popen(
            [*COMMAND, "--params=training.resume=auto"],
            cwd=project.path,
            env=project.environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )


def wait_for_new_state(states: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    there = newest(states)
    deadline = time.monotonic() + TIMEOUT
    while newest(states) == there:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.1)


def newest(states: Path) -> int:
    numbers = states.iterdir() if states.is_dir() else ()
    return max((int(path.name) for path in numbers if path.name.isdigit()), default=0)


def test_signals_save_the_training_and_it_goes_on(tmp_path: Path) -> None:
    project = ProjectCopy.make(tmp_path / "project", LONG)
    ingest = project.kedro("run", "--pipeline=ingest")
    assert ingest.returncode == 0, ingest.stdout
    states = project.path / "data/06_models/digits/training_state/seed_0"
    for number, status in ((signal.SIGUSR2, 140), (signal.SIGINT, 1)):
        goes_on = newest(states) > 0
        log = tmp_path / f"{number.name}.log"
        process = start(project, log)
        wait_for_new_state(states, process, log)
        process.send_signal(number)
        assert process.wait(TIMEOUT) in (status, 128 + number), log.read_text()
        text = " ".join(log.read_text(errors="replace").split())
        assert "training.resume=auto goes on from here" in text
        assert ("Going on with the training that ended in epoch" in text) == goes_on
    assert [run.info.status for run in project.runs()] == ["FINISHED", "KILLED", "KILLED"]
