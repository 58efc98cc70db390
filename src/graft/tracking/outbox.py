"""What a tracking server has yet to get: the runs of the project's own store, and what was sent.

A run that is meant for a server says so in a tag from the moment it is made. How much of it the
server has got stands in a small file beside the database, `mlflow.db.sent/<server>/<run>.json`,
which also is the lock that keeps two processes from delivering one run at a time. A lost or torn
file costs requests and nothing else: whatever is delivered a second time changes nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import math
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from graft.tracking.database import database_path
from graft.tracking.provenance import WORKS_FOR_TAG

if TYPE_CHECKING:
    from mlflow.entities import Metric, Run

SERVER_TAG = "tracking_server"  # of a run: where a copy of it belongs
ORIGIN_TAG = "recorded_as"  # of a copied run or model: the id of ours
NO_ANSWER = "it does not answer"

_ENDED = "runs.status NOT IN ('RUNNING', 'SCHEDULED')"
_TAGGED = "runs.run_uuid IN (SELECT run_uuid FROM tags WHERE key = ? AND value = ?)"


@dataclass
class Sent:
    """How much of a run a server has.

    Attributes:
        run: The id of the copy; None until there is one.
        experiment: The id of the experiment that the copy is in.
        metrics: How many points of curves were sent, in the order in which they were recorded.
        files: Of each file its size in bytes and the time of its last change in nanoseconds.
        models: The ids of logged models, ours and the copies'.
        versions: The versions of registered models that were sent: "<name>/<number>" of ours.
        ended: Status and end of the run, once all of it was sent.
    """

    run: str | None = None
    experiment: str | None = None
    metrics: int = 0
    files: dict[str, list[int]] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    versions: list[str] = field(default_factory=list)
    ended: list[str | int | None] | None = None


class Outbox:
    """The runs in a database of ours that one server is to get.

    Args:
        uri: The database's, as MLflow writes it.
        server: The server's address.
    """

    def __init__(self, uri: str, server: str):
        database = database_path(uri)
        if database is None:
            raise ValueError(f"{uri} is no SQLite database.")
        self.database = database
        self.server = server
        self.last_progress = 0.0  # when something was delivered last, by time.monotonic()
        digest = hashlib.sha256(server.encode()).hexdigest()[:8]
        self._folder = database.with_name(f"{database.name}.sent") / digest

    def runs_of(self, process: str) -> list[str]:
        """The ids of the runs that a process has made, oldest first; see `process_tags`."""
        return [run_id for run_id, *_ in self._meant_for_server(_TAGGED, "process", process)]

    def runs_of_workers(self, process: str) -> list[str]:
        """The ids of the runs that workers of a process have made, but for those sent to the end.

        A worker ends a run once all of it is recorded; see `graft.tracking.trials`.
        """
        return self._unsent(self._meant_for_server(_TAGGED, WORKS_FOR_TAG, process))

    def ended_runs(self) -> list[str]:
        """The ids of the runs that have ended and of which the server lacks something."""
        return self._unsent(self._meant_for_server(_ENDED))

    def all_runs(self, include_others: bool = False) -> list[str]:
        """The ids of all runs, oldest first, running ones too.

        Args:
            include_others: Also those that were recorded without the server, or for another.
        """
        if include_others:
            return [run_id for run_id, *_ in self._select("1")]
        return [run_id for run_id, *_ in self._meant_for_server("1")]

    def points(self, run_id: str, first: int, most: int) -> list[Metric]:
        """Points of the run's curves in the order in which they were recorded.

        MLflow can only list the history of one curve, and that as a whole.
        """
        from mlflow.entities import Metric

        query = (
            "SELECT key, value, is_nan, timestamp, step FROM metrics WHERE run_uuid = ? "
            "ORDER BY rowid LIMIT ? OFFSET ?"
        )
        with self._connect() as connection:
            rows = connection.execute(query, (run_id, most, first)).fetchall()
        return [
            Metric(key, math.nan if is_nan else value, timestamp, step)
            for key, value, is_nan, timestamp, step in rows
        ]

    def count_points(self, run_id: str) -> int:
        """How many points the run's curves have."""
        with self._connect() as connection:
            query = "SELECT COUNT(*) FROM metrics WHERE run_uuid = ?"
            return int(connection.execute(query, (run_id,)).fetchone()[0])

    def sent(self, run_id: str) -> Sent:
        """How much of a run the server has."""
        try:
            return _read(self._file(run_id).read_text())
        except OSError:
            return Sent()

    def page(self, run_id: str) -> str | None:
        """The address of the run's copy for a browser, None as long as there is no copy."""
        sent = self.sent(run_id)
        if sent.run is None:
            return None
        return f"{self.server}/#/experiments/{sent.experiment}/runs/{sent.run}"

    @contextlib.contextmanager
    def locked(self, run_id: str) -> Iterator[SentFile | None]:
        """How much of a run the server has, for the one process that delivers it; None for others.

        The kernel frees the lock when its holder dies, however it dies.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._file(run_id).open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield None
                return
            try:
                yield SentFile(file, self)
            finally:
                # Not left to the closing: processes forked meanwhile have the file open, too.
                fcntl.flock(file, fcntl.LOCK_UN)

    def _file(self, run_id: str) -> Path:
        return self._folder / f"{run_id}.json"

    def _meant_for_server(self, condition: str, *values: str) -> list[tuple[str, str, int | None]]:
        return self._select(f"{condition} AND {_TAGGED}", *values, SERVER_TAG, self.server)

    def _unsent(self, runs: list[tuple[str, str, int | None]]) -> list[str]:
        return [run_id for run_id, status, end in runs if self.sent(run_id).ended != [status, end]]

    def _select(self, condition: str, *values: str) -> list[tuple[str, str, int | None]]:
        query = (
            "SELECT runs.run_uuid, runs.status, runs.end_time FROM runs "
            f"WHERE runs.lifecycle_stage = 'active' AND {condition} ORDER BY runs.start_time"
        )
        with self._connect() as connection:
            return connection.execute(query, values).fetchall()

    @contextlib.contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        uri = f"{self.database.as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=20)) as connection:
            yield connection


def page_on_server(uri: str, run: Run) -> str | None:
    """The address of a run's copy for a browser; None where there is no server or no copy yet."""
    server = run.data.tags.get(SERVER_TAG)
    return Outbox(uri, server).page(run.info.run_id) if server else None


def reason_of(error: BaseException) -> str:
    """Why a delivery failed, in a few words: what MLflow says of a connection fills ten lines."""
    import requests

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, requests.ConnectionError | requests.Timeout):
            return NO_ANSWER
        cause = cause.__cause__ or cause.__context__
    return str(error).partition("\n")[0].rstrip(".") or type(error).__name__


def is_refusal(error: BaseException) -> bool:
    """Whether a server refuses what it was sent, and would refuse it again: a status of 4xx.

    Not so where it asks for patience (408, 429), or wants to know first who is asking (401, 407):
    that is about all runs and not about one.
    """
    import requests
    from mlflow import MlflowException

    status = None
    if isinstance(error, requests.HTTPError) and error.response is not None:  # files
        status = error.response.status_code
    elif isinstance(error, MlflowException):
        status = error.get_http_status_code()
    return status is not None and 400 <= status < 500 and status not in (401, 407, 408, 429)


class SentFile:
    """`Sent` as it stands in its file; `save` writes it."""

    def __init__(self, file: IO[str], outbox: Outbox):
        self._file = file
        self._outbox = outbox
        file.seek(0)
        self.sent = _read(file.read())

    def save(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._file.write(json.dumps(asdict(self.sent)))
        self._file.flush()
        self._outbox.last_progress = time.monotonic()


def _read(text: str) -> Sent:
    try:
        return Sent(**json.loads(text))
    except (ValueError, TypeError):  # empty, or torn when its writer was killed
        return Sent()
