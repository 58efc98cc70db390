"""A process that is killed while it saves leaves the old folder or the new one."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from graft.storage import verify

# Two files that belong together: a mixture of two generations would show.
SAVE = """
import os, signal, sys
from pathlib import Path
from graft import storage

def save(target, generation):
    with storage.committed(target, resumable=sys.argv[2] == "resumable") as folder:
        (folder / "weights").write_text(str(generation) * 1000)
        (folder / "inner").mkdir(exist_ok=True)
        (folder / "inner" / "metadata").write_text(str(generation))

target = Path(sys.argv[1])
if sys.argv[2] == "in steps":
    storage._exchange = lambda partial, target: False
"""

SAVE_FOR_EVER = (
    SAVE
    + """
generation = 0
while True:
    save(target, generation)
    if generation == 0:
        print("saved", flush=True)
    generation += 1
"""
)

# In each round a child is killed one line of storage.py later than in the round before, until
# one comes through; after each the parent looks at what is left.
KILL_BEFORE_EVERY_LINE = (
    SAVE
    + """
def die_before_line(count):
    left = count
    def trace(frame, event, argument):
        nonlocal left
        if frame.f_code.co_filename != storage.__file__:
            return None
        if event == "line":
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)

def load(target):
    storage.verify(target)
    weights = (target / "weights").read_text()
    generation = (target / "inner" / "metadata").read_text()
    assert weights == generation * 1000, "a mixture"
    return int(generation)

save(target, 0)
last, kills = 0, 0
while True:
    child = os.fork()
    if not child:
        die_before_line(kills)
        save(target, kills + 1)
        sys.settrace(None)
        os._exit(0)
    killed = os.waitpid(child, 0)[1] != 0
    assert storage.is_committed(target), kills
    assert load(target) in (last, kills + 1), (load(target), last, kills + 1)
    last = load(target)
    if not killed:
        break
    kills += 1
assert last == kills + 1
print(kills)
"""
)


def run_python(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("exchange", ["at once", "in steps", "resumable"])
def test_killed_before_any_line_leaves_old_or_new(tmp_path: Path, exchange: str) -> None:
    process = run_python(KILL_BEFORE_EVERY_LINE, str(tmp_path / "store"), exchange)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert int(output) > 50
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_killed_at_random_moments_leaves_a_complete_folder(tmp_path: Path) -> None:
    target, moments = tmp_path / "store", random.Random(0)
    for _ in range(10):
        process = run_python(SAVE_FOR_EVER, str(target), "at once")
        assert process.stdout is not None
        assert process.stdout.readline() == "saved\n"
        time.sleep(moments.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        verify(target)
        generation = (target / "inner" / "metadata").read_text()
        assert (target / "weights").read_text() == generation * 1000
