"""A real MLflow server, and a gate before it that can be shut at any moment."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..end_to_end.project_copy import free_port

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass
class MlflowServer:
    """`mlflow server` on this machine, with all that it keeps in `folder`."""

    folder: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def client(self) -> MlflowClient:
        from mlflow import MlflowClient

        return MlflowClient(self.address, self.address)

    def start(self) -> None:
        """Start it and wait until it answers."""
        store = f"sqlite:///{self.folder / 'server.db'}"
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
                *("--host", "127.0.0.1", "--port", str(self.port)),
                *("--backend-store-uri", store),
                *("--artifacts-destination", str(self.folder / "artifacts")),
            ],
            env={
                **{key: value for key, value in os.environ.items() if "MLFLOW" not in key},
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
                # MLflow starts uvicorn by its name.
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 240
        while not self._answers():
            assert self._process.poll() is None, "the server has ended"
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.3)

    def stop(self) -> None:
        """Kill it, whatever it is at."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, 9)
            self._process.wait()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


class Gate:
    """Hands connections on to a server, or refuses them, or accepts them and is silent."""

    def __init__(self, server_port: int):
        self._server_port = server_port
        self.port = free_port()
        self._connections: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self._is_silent = False
        self.refused_to_answer = threading.Event()  # somebody has met the silence

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        self.shut()
        self._listen(silent=False)

    def be_silent(self) -> None:
        """Accept, read nothing, answer nothing."""
        self.shut()
        self.refused_to_answer.clear()
        self._listen(silent=True)

    def shut(self) -> None:
        """Refuse, and cut what is under way."""
        sockets, self._connections = self._connections, []
        if self._listener is not None:
            sockets.append(self._listener)
            self._listener = None
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _listen(self, silent: bool) -> None:
        self._is_silent = silent
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # it was shut
            while True:
                client, _ = listener.accept()
                self._connections.append(client)
                if self._is_silent:
                    self.refused_to_answer.set()
                    continue
                server = socket.create_connection(("127.0.0.1", self._server_port))
                self._connections.append(server)
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=_hand_on, args=pair, daemon=True).start()


def _hand_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
