"""A cluster and a mail server for the tests of this folder."""

from __future__ import annotations

import email
import email.policy
import socketserver
import tempfile
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from .slurm import Slurm, running_slurm


@pytest.fixture
def slurm() -> Iterator[Slurm]:
    with (
        tempfile.TemporaryDirectory(prefix="graft-slurm-") as folder,
        running_slurm(Path(folder)) as found,
    ):
        yield found


class MailServer(socketserver.ThreadingTCPServer):
    """Speaks enough SMTP to take messages without a log-in.

    Attributes:
        messages: Those that have arrived.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.messages: list[EmailMessage] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline():
            match line[:4].upper():
                case b"DATA":
                    self._say("354 go on")
                    text = b"".join(iter(self.rfile.readline, b".\r\n")).replace(b"\r\n", b"\n")
                    message = email.message_from_bytes(text, policy=email.policy.default)
                    self.server.messages.append(message)
                    self._say("250 taken")
                case b"QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 well")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
