"""A worker as if it were alone on its host; `runpy` runs this file in a process of its own.

`command` holds host (its name), storage, plan, together (a barrier or None) and dies (whether it is
killed in its first trial).
"""

import os
import signal
import socket
import time

from graft.sweeps.work import Attempt, work

command = globals()["command"]


def objective(attempt: Attempt) -> float:
    if command["dies"]:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.1)
    return 0.5


if command["host"]:
    socket.gethostname = lambda: command["host"]
if command["together"]:
    command["together"].wait()
command["storage"].make()
work(command["plan"], command["storage"], objective)
