"""A process ends with the one that waits for it."""

import subprocess
import sys

ORPHAN = """
import os, sys, time
from graft.training.distributed.group import Group
from graft.training.distributed.line import Caller, Line, Switchboard

board = Switchboard()
process = os.fork()
if process == 0:
    line = Line(board.address, Caller(0, os.getpid(), 0))
    group = Group()
    line.watch(group)
    while not group.stop:  # until it is told to
        time.sleep(0.01)
    print(os.getpid(), flush=True)
    time.sleep(600)
while not board.callers:
    time.sleep(0.01)
board.tell(15)
os.waitpid(process, 0)
"""


def test_no_process_outlives_the_one_that_waits_for_it():
    waiting = subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, text=True)
    assert int(waiting.stdout.readline()) != waiting.pid
    waiting.kill()
    waiting.communicate(timeout=60)  # the pipe closes when the other one has ended as well
