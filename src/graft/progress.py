"""Progress of a long loop: a bar for a person at a terminal, log lines for a cluster's log file."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

logger = logging.getLogger(__name__)

Item = TypeVar("Item")

LOG_INTERVAL_SECONDS = 10.0


def track(iterable: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items of `iterable` and say how far the loop is, how fast, and how long yet.

    Where stderr is a terminal and rich is installed, a bar is drawn there. Everywhere else a line
    is logged at most every ten seconds, so that a job that ends sooner says nothing.

    Args:
        iterable: What to loop over.
        description: What is being done, for example "Decoding images".
        total: Number of items; None asks the iterable for its length and does without where it
            has none.
    """
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    if sys.stderr.isatty() and find_spec("rich") is not None:
        return _draw_bar(iterable, description, total)
    return _log_lines(iterable, description, total)


def _draw_bar(iterable: Iterable[Item], description: str, total: int | None) -> Iterator[Item]:
    with _new_bar() as bar:
        yield from bar.track(iterable, total=total, description=description)


def _new_bar() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class RateColumn(ProgressColumn):
        """Items a second; rich itself only knows bytes a second."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.1f}/s", style="progress.data.speed")

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=Console(stderr=True),
    )


def _log_lines(iterable: Iterable[Item], description: str, total: int | None) -> Iterator[Item]:
    start = last_line = time.monotonic()
    for done, item in enumerate(iterable):
        now = time.monotonic()
        if now - last_line >= LOG_INTERVAL_SECONDS:
            last_line = now
            logger.info("%s: %s", description, _describe(done, total, now - start))
        yield item


def _describe(done: int, total: int | None, elapsed: float) -> str:
    """For example "1200 of 6000 (97.3/s, 49 s left)"."""
    rate = done / elapsed
    if total is None:
        return f"{done} ({rate:,.1f}/s)"
    if not done:
        return f"0 of {total}"
    return f"{done} of {total} ({rate:,.1f}/s, {(total - done) / rate:,.0f} s left)"
