"""The line between a training's processes and the one that started them.

There observers watch, logs are written and signals arrive. A process whose line breaks ends itself:
none outlives the one that waits for it, however that died. Who calls when nobody listens any more
has nothing to do.
"""

from __future__ import annotations

import logging
import os
import pickle
import queue
import secrets
import socket
import threading
from contextlib import suppress
from multiprocessing.connection import Client, Connection, Listener
from typing import Any, NamedTuple

from graft.training.distributed.group import Group


class Address(NamedTuple):
    """Where the waiting process listens, and what proves that a caller is one of its own."""

    place: str
    key: bytes


class Caller(NamedTuple):
    """A process of the training, as the waiting one sees it.

    Attributes:
        rank: Which of this host's processes it is, from 0.
        process: Its process id.
        restarts: How many generations of processes there were before.
    """

    rank: int
    process: int
    restarts: int


class Said(NamedTuple):
    """What a process told the waiting one: `what` of some `kind`."""

    caller: Caller
    kind: str
    what: Any


class Switchboard:
    """The waiting process's end of all lines, open until it is closed.

    Attributes:
        address: Where processes find it.
        said: What they said and nobody has heard yet.
    """

    def __init__(self) -> None:
        key = secrets.token_bytes(32)
        self._listener = Listener(authkey=key)
        self.address = Address(str(self._listener.address), key)
        self.said: queue.SimpleQueue[Said] = queue.SimpleQueue()
        self._lines: dict[Caller, Connection] = {}
        self._is_open = True
        threading.Thread(target=self._accept, name="switchboard", daemon=True).start()

    @property
    def callers(self) -> list[Caller]:
        """Who is on the line."""
        return list(self._lines)

    def tell(self, signal: int) -> None:
        """Ask all of them to stop."""
        for line in list(self._lines.values()):
            with suppress(OSError):
                line.send_bytes(str(signal).encode())

    def close(self) -> None:
        """Whoever is on the line ends at once."""
        self._is_open = False
        with suppress(OSError, EOFError):
            Client(self.address.place, authkey=self.address.key).close()  # wakes who accepts
        self._listener.close()
        for line in list(self._lines.values()):
            # Closing would not do: the thread that listens holds on to it.
            with suppress(OSError), socket.socket(fileno=os.dup(line.fileno())) as end:
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while self._is_open:
            try:
                line = self._listener.accept()
            except (OSError, EOFError):  # it hung up while it was being let in
                continue
            threading.Thread(target=self._listen, args=(line,), daemon=True).start()

    def _listen(self, line: Connection) -> None:
        with suppress(OSError, EOFError), line:
            caller = Caller(*pickle.loads(line.recv_bytes()))
            self._lines[caller] = line
            try:
                while True:
                    self.said.put(Said(caller, *pickle.loads(line.recv_bytes())))
            finally:
                del self._lines[caller]


class Line:
    """A training process's end of its line.

    Args:
        address: Where somebody listens.
        caller: Who this process is.

    Raises:
        OSError: Nobody listens any more.
    """

    def __init__(self, address: Address, caller: Caller) -> None:
        self._line = Client(address.place, authkey=address.key)
        self._one_at_a_time = threading.Lock()
        self._send(tuple(caller))

    def watch(self, group: Group) -> None:
        """Let `group` know when somebody asks to stop; end when the line breaks."""
        threading.Thread(target=self._watch, args=(group,), daemon=True).start()

    def say(self, kind: str, what: Any = None) -> None:
        """Send something of some kind."""
        self._send((kind, what))

    def _send(self, content: Any) -> None:
        # By plain pickle: that of multiprocessing would share tensors' memory with this process.
        packed = pickle.dumps(content)
        with self._one_at_a_time:
            self._line.send_bytes(packed)

    def _watch(self, group: Group) -> None:
        while True:
            try:
                group.stop = int(self._line.recv_bytes())
            except (OSError, EOFError):
                os._exit(1)


class LogLine(logging.Handler):
    """Hands log records over to the waiting process."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):  # then the watch ends this process
            self._line.say("log", _plain(record))


def _plain(record: logging.LogRecord) -> dict[str, Any]:
    """A record's fields, its message put together: arguments may be anything."""
    values = {**record.__dict__, "msg": record.getMessage(), "args": None}
    if record.exc_info:
        values["exc_text"] = logging.Formatter().formatException(record.exc_info)
    return values | {"exc_info": None}
