"""What `warm_start.run_kedro` runs in a forked process: `kedro` as in a shell of its own."""

from __future__ import annotations

import atexit
import os
import sys
from typing import TypedDict


class Command(TypedDict):
    arguments: list[str]
    folder: str
    environment: dict[str, str]
    output: str


command: Command = globals()["command"]  # handed in by `runpy`


def become(command: Command) -> None:
    """Take on the folder, the environment, the arguments and the output of a new process."""
    os.chdir(command["folder"])
    os.environ.clear()
    os.environ.update(command["environment"])
    sys.path[:0] = command["environment"]["PYTHONPATH"].split(os.pathsep)
    sys.argv = command["arguments"]
    output = os.open(command["output"], os.O_WRONLY)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)


become(command)
try:
    from kedro.framework.cli import main

    main()
finally:
    # Children of `multiprocessing` end without it.
    atexit._run_exitfuncs()
