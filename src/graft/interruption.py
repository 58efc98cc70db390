"""A signal that arrives while something worth saving is under way: asked for, not torn out.

Whoever can save its state says so (`deferred`) and looks at `requested` at good moments; a signal
handler asks first (`ask`) and interrupts only where nobody listens, or nobody answered.

    with deferred():
        for batch in batches:
            ...
            if requested():
                save()
                interrupt()
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn


@dataclass
class _Request:
    listeners: int = 0
    passed_over: int = 0  # the listeners outside of `at_once`
    number: int | None = None  # the signal that asks to stop


_request = _Request()


@contextmanager
def deferred() -> Iterator[None]:
    """While this is open, a first signal only asks."""
    _request.listeners += 1
    try:
        yield
    finally:
        _request.listeners -= 1
        if _request.listeners == 0:
            _request.number = None


@contextmanager
def at_once() -> Iterator[None]:
    """Within `deferred`: a part that a signal may end, but where it is deferred once more.

    A request that nobody in here has answered stays.

    Raises:
        KeyboardInterrupt, SystemExit: Somebody has asked before.
    """
    if requested():
        interrupt()
    before, _request.passed_over = _request.passed_over, _request.listeners
    try:
        yield
    finally:
        _request.passed_over = before


def requested() -> bool:
    """Whether somebody asked to stop."""
    return _request.number is not None


def asked_by() -> int | None:
    """The signal by which somebody asked to stop, or None."""
    return _request.number


def ask(number: int) -> bool:
    """Ask for a stop by this signal; False where nobody listens or somebody asked before."""
    if _request.listeners == _request.passed_over or requested():
        return False
    _request.number = number
    return True


def interrupt(number: int | None = None) -> NoReturn:
    """End as the signal that asked, or this one, would have ended the process by itself.

    Raises:
        KeyboardInterrupt: It was Ctrl-C.
        SystemExit: Another signal; the exit status is 128 plus its number, as a shell's.
    """
    number = number if number is not None else _request.number
    if number is None or number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)
