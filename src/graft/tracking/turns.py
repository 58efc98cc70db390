"""Runs that begin at once, one after the other.

Kedro names all versions that a run saves by the millisecond in which its session begins. Two runs
of the same millisecond, as a job array starts them, would have the same name, and the second could
not save. So `kedro run` waits for its turn, a lock file that it holds until its session has begun.
"""

from __future__ import annotations

import fcntl
import time
from pathlib import Path
from typing import IO

_A_NEW_MILLISECOND = 0.002  # seconds

_held: list[IO[str]] = []


def wait_for_turn(project_path: Path) -> None:
    """Take the turn; where no file can be written nothing can be saved either, and it is free."""
    try:
        file = (project_path / ".session.lock").open("w")
    except OSError:
        return
    fcntl.flock(file, fcntl.LOCK_EX)
    _held.append(file)
    time.sleep(_A_NEW_MILLISECOND)


def end_turn() -> None:
    """Let the next run begin; nothing where no turn was taken."""
    while _held:
        _held.pop().close()
