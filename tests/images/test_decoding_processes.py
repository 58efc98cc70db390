"""Decoding in several processes: the same whatever their number, and whatever happens to one."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graft.images import decoding_processes as module
from graft.images.decoder import Outcome
from graft.images.decoding_processes import decode_in_order

from .image_files import encode, make_pixels

PICTURES = [encode(make_pixels(number), "JPEG") for number in range(60)]


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four images each, by two processes."""
    monkeypatch.setattr(module, "BATCH_ROWS", 4)
    monkeypatch.setattr(module, "available_processors", lambda: 2)


def decode(read: Callable[[int], Any], rows: range) -> tuple[np.ndarray, list[Outcome]]:
    batches = list(decode_in_order(read, rows, size=16, max_pixels=10**6))
    pixels = np.concatenate([pixels for pixels, _ in batches])
    return pixels, [outcome for _, outcomes in batches for outcome in outcomes]


def test_the_result_does_not_depend_on_the_number_of_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contents = [*PICTURES[:7], b"bad", *PICTURES[7:], np.zeros((5, 5), np.uint8)]
    results = [decode(contents.__getitem__, range(len(contents)))]  # a single batch: in this one
    monkeypatch.setattr(module, "BATCH_ROWS", 5)
    for processors in (1, 3):
        monkeypatch.setattr(module, "available_processors", lambda number=processors: number)
        results.append(decode(contents.__getitem__, range(len(contents))))
    for pixels, outcomes in results[1:]:
        np.testing.assert_array_equal(pixels, results[0][0])
        assert outcomes == results[0][1]


@pytest.mark.usefixtures("small_batches")
def test_what_a_source_raises_is_the_images_reason() -> None:
    class CannotBePickledError(Exception):
        def __init__(self) -> None:
            super().__init__("no such image")  # made again from its arguments, it would fail

    def read(row: int) -> Any:
        if row == 5:
            raise CannotBePickledError
        return PICTURES[row]

    pixels, outcomes = decode(read, range(12))
    assert len(pixels) == 11
    assert outcomes[5] == Outcome(reason="CannotBePickledError: no such image")


@pytest.mark.usefixtures("small_batches")
def test_an_interruption_does_not_decode_the_rest() -> None:
    read: list[int] = []

    def note(row: int) -> Any:
        read.append(row)
        return PICTURES[row % len(PICTURES)]

    batches = decode_in_order(note, range(10_000), size=16, max_pixels=10**6)
    next(batches)
    batches.close()
    assert len(read) < 100


# A process on which some contents are fatal, as a file may be that breaks a decoder.
FATAL = """
import os, signal, sys
from graft.images import decoder, decoding_processes as module

decode = decoder._decode
def fatal(content, size, max_pixels):
    if content == b"fatal":
        os.kill(os.getpid(), signal.SIGSEGV)
    return decode(content, size, max_pixels)

decoder._decode = fatal
module._serve(*map(int, sys.argv[1:]))
"""


def with_program(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    start = subprocess.Popen

    def popen(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        return start([command[0], "-c", program, *command[-2:]], **options)

    monkeypatch.setattr(module.subprocess, "Popen", popen)


@pytest.mark.usefixtures("small_batches")
def test_an_image_on_which_the_decoder_dies_is_quarantined_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_program(monkeypatch, FATAL)
    contents = [*PICTURES[:5], b"fatal", *PICTURES[5:8], b"bad"]
    pixels, outcomes = decode(contents.__getitem__, range(len(contents)))
    reasons = {row: outcome.reason for row, outcome in enumerate(outcomes) if outcome.reason}
    assert reasons == {5: "the decoder died of it (SIGSEGV)", 9: outcomes[9].reason}
    assert outcomes[5].sha256  # it was read
    usable = [content for content in contents if content not in (b"fatal", b"bad")]
    np.testing.assert_array_equal(pixels, decode(usable.__getitem__, range(8))[0])


@pytest.mark.usefixtures("small_batches")
def test_a_process_that_cannot_start_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    with_program(monkeypatch, "raise SystemExit(3)")
    with pytest.raises(RuntimeError, match="exit code 3"):
        decode(PICTURES.__getitem__, range(8))


DECODE_FOR_EVER = """
import sys
from graft.images import decoding_processes as module
module.BATCH_ROWS = 4
module.available_processors = lambda: 2
content = bytes.fromhex(sys.argv[1])
for _ in module.decode_in_order(lambda row: content, range(10**7), size=16, max_pixels=10**6):
    print("decoding", flush=True)
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in Linux's /proc")
def test_no_process_outlives_a_killed_run() -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", DECODE_FOR_EVER, PICTURES[0].hex()], stdout=subprocess.PIPE
    )
    assert run.stdout is not None
    run.stdout.readline()
    children = children_of(run.pid)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    assert len(children) == 2
    deadline = time.monotonic() + 60
    while any(is_running(pid) for pid in children):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def children_of(parent: int) -> list[int]:
    tasks = Path(f"/proc/{parent}/task").iterdir()
    return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
