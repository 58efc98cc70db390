"""Decoding on all processors, in processes of their own.

Threads do not help where images are small: of the 0.1 ms that a CIFAR-10 image takes, Python's lock
is held most of the time (60,000 images on two cores: 14 s with threads, 6 s with none, 4 s with two
processes). And a file on which a decoder dies takes a process with it, but not the run.

A process is this module run by `python -m`, fed through its standard input by a thread that reads
the files. It ends when its input does, so that none outlives a killed run.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from graft.compute import available_processors
from graft.errors import GraftError
from graft.images.decoder import Decoded, Outcome, decode_batch, describe_error, hash_content

if TYPE_CHECKING:
    from graft.images.decoder import Content
    from graft.images.listing import Pixels

_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM)  # not the image's fault
_DIED = (BrokenPipeError, EOFError, pickle.UnpicklingError)  # what a process's end looks like

BATCH_ROWS, BATCH_BYTES = 128, 4 * 2**20
AHEAD = 2  # batches for each process that are decoded or wait to be taken


def decode_in_order(
    read: Callable[[int], Content], rows: range, *, size: int, max_pixels: int
) -> Generator[tuple[Pixels, list[Outcome]]]:
    """Decode the images of `rows` on all processors and yield them in batches, in order.

    Args:
        read: From a row to what `graft.images.decoder.decode_batch` takes; called from several
            threads at once. What it raises becomes the image's reason.
        rows: Which images.
        size: Side length S in pixels.
        max_pixels: As for `decode_batch`.

    Yields:
        Of each batch the usable pixels, uint8 (M, S, S, 3), and the outcomes of all its rows.
    """
    many = max(1, min(BATCH_ROWS, BATCH_BYTES // (3 * size * size)))
    batches = [rows[start : start + many] for start in range(0, len(rows), many)]
    if len(batches) < 2:  # nothing to share out
        for batch in batches:
            yield decode_batch((_content(read, row) for row in batch), size, max_pixels)
        return
    threads = min(available_processors(), len(batches))
    pool = ThreadPoolExecutor(threads)
    processes = _Processes(size, max_pixels)
    waiting: deque[Future[tuple[Pixels, list[Outcome]]]] = deque()
    try:
        for batch in batches:
            waiting.append(pool.submit(processes.decode, read, batch))
            if len(waiting) == AHEAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        # An interrupted run does not decode the rest first.
        pool.shutdown(cancel_futures=True)
        processes.end()


class _Processes:
    """One process for each thread that decodes."""

    def __init__(self, size: int, max_pixels: int) -> None:
        self._size, self._max_pixels = size, max_pixels
        self._of_thread = threading.local()
        self._all: list[subprocess.Popen[bytes]] = []

    def decode(
        self, read: Callable[[int], Content], rows: Sequence[int]
    ) -> tuple[Pixels, list[Outcome]]:
        """As `decode_batch`, in this thread's process."""
        if not hasattr(self._of_thread, "process"):
            self._start()
        try:
            return self._decode_there(len(rows), (_content(read, row) for row in rows))
        except _DIED:
            self._start()
            alone = (self._decode_alone(_content(read, row)) for row in rows)
            return decode_batch(alone, self._size, self._max_pixels)

    def end(self) -> None:
        """Let the processes end; no thread may be decoding any more."""
        for process in self._all:
            with suppress(BrokenPipeError), process:  # closes the pipes and waits
                pass

    def _decode_there(
        self, count: int, contents: Iterable[Content]
    ) -> tuple[Pixels, list[Outcome]]:
        process = self._of_thread.process
        pickle.dump(count, process.stdin, pickle.HIGHEST_PROTOCOL)
        # One by one: the process decodes one while the next is read, and a batch of large files
        # is never held as a whole.
        for content in contents:
            pickle.dump(content, process.stdin, pickle.HIGHEST_PROTOCOL)
        process.stdin.flush()
        decoded: tuple[Pixels, list[Outcome]] = pickle.load(process.stdout)
        return decoded

    def _decode_alone(self, content: Content) -> Decoded:
        """One image of a batch on which the process has died: is it this one's fault?"""
        try:
            pixels, (outcome,) = self._decode_there(1, [content])
        except _DIED:
            code = self._of_thread.process.wait()
            if code >= 0:
                raise RuntimeError(
                    f"A decoding process ended with exit code {code}; its message stands above."
                ) from None
            if -code in _FROM_OUTSIDE:
                raise GraftError(
                    f"A decoding process was ended from outside ({signal.Signals(-code).name}), "
                    "perhaps because memory ran out. What is decoded is kept: run again, with "
                    "fewer processors (taskset, a scheduler's limit) or more memory."
                ) from None
            self._start()
            reason = f"the decoder died of it ({signal.Signals(-code).name})"
            return Decoded(Outcome(sha256=hash_content(content), reason=reason))
        return Decoded(outcome, pixels[0] if len(pixels) else None)

    def _start(self) -> None:
        """A new process for this thread."""
        # -P: no module is taken from the folder in which the run was started. Pillow's warnings
        # would come once a process; what matters stands in the quarantine.
        command = [sys.executable, "-P", "-W", "ignore", "-m", __name__]
        process = subprocess.Popen(
            [*command, str(self._size), str(self._max_pixels)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "OPENBLAS_NUM_THREADS": "1",
                "OMP_NUM_THREADS": "1",
            },
            start_new_session=True,  # Ctrl-C is for the run, which then ends its processes
        )
        self._all.append(process)
        self._of_thread.process = process


def _content(read: Callable[[int], Content], row: int) -> Content:
    try:
        return read(row)
    except Exception as error:  # whatever a source raises
        return Decoded(Outcome(reason=describe_error(error)))


def _serve(size: int, max_pixels: int) -> None:
    """Decode what comes in on the standard input until it ends."""
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            count = pickle.load(source)
            contents = (pickle.load(source) for _ in range(count))
            pickle.dump(decode_batch(contents, size, max_pixels), sink, pickle.HIGHEST_PROTOCOL)
            sink.flush()
        except (EOFError, OSError):
            return


if __name__ == "__main__":
    _serve(*map(int, sys.argv[1:]))
