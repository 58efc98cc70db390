"""Where the trials of a sweep are kept: an SQLite file of this host, or PostgreSQL for several.

Optuna makes its tables step by step, and two workers that do so at once break each other's. So an
SQLite file is made under a lock, under a temporary name, and then renamed; PostgreSQL's tables are
made under a lock of its own. Workers find them made.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graft.errors import GraftError

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

_DATABASE = "trials.db"
_LOCK_NUMBER = 7_205_759_403  # of PostgreSQL's advisory lock: any number that others do not take
_BEATS = 3  # so many heartbeats may be missed


@dataclass(frozen=True)
class TrialStorage:
    """The address of the trials.

    Attributes:
        folder: Of this host: for the SQLite file, and for the lock that its workers share.
        url: Of a PostgreSQL database; None for the SQLite file.
        heartbeat: Seconds between two signs of life of a running trial.
    """

    folder: Path
    url: str | None = None
    heartbeat: float = 60.0

    def make(self) -> None:
        """Make the database's tables, unless they are there.

        Raises:
            GraftError: The PostgreSQL database cannot be reached, or its driver is missing.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.url is None:
            self._make_file()
        else:
            self._make_tables()

    def open(self) -> RDBStorage:
        """For one process, which has to close it: `storage.engine.dispose()`."""
        url = self.url if self.url is not None else f"sqlite:///{self.folder / _DATABASE}"
        return self._optuna(url, tables_exist=True)

    @contextlib.contextmanager
    def turn(self) -> Iterator[Turn]:
        """One process of this host at a time; the kernel ends the turn of one that dies."""
        with (self.folder / "turn.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield Turn(file.fileno())

    def _make_file(self) -> None:
        database = self.folder / _DATABASE
        if database.exists():
            return
        with self.turn():
            if database.exists():
                return  # another process made it while this one waited
            partial = database.with_name(f"{_DATABASE}.partial")
            for leftover in self.folder.glob(f"{partial.name}*"):
                leftover.unlink()  # of a process that was killed
            self._optuna(f"sqlite:///{partial}", tables_exist=False).engine.dispose()
            os.replace(partial, database)

    def _make_tables(self) -> None:
        import sqlalchemy

        assert self.url is not None
        try:
            engine = sqlalchemy.create_engine(_with_driver(self.url))
            with engine.connect() as connection:
                lock = sqlalchemy.text(f"SELECT pg_advisory_lock({_LOCK_NUMBER})")
                connection.execute(lock)  # until the connection ends
                self._optuna(self.url, tables_exist=False).engine.dispose()
            engine.dispose()
        except ModuleNotFoundError as error:
            raise GraftError(
                "sweep.storage: PostgreSQL needs a driver: pip install 'graft[postgresql]'"
            ) from error
        except sqlalchemy.exc.OperationalError as error:
            reason = str(error.orig).strip().splitlines()[0]
            raise GraftError(f"sweep.storage: {self.url} cannot be used: {reason}") from error

    def _optuna(self, url: str, *, tables_exist: bool) -> RDBStorage:
        from optuna.storages import RDBStorage

        from graft.sweeps.study import again

        # Workers wait for each other's transactions on an SQLite file.
        options = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {}
        with warnings.catch_warnings(action="ignore"):  # heartbeats are "experimental"
            return RDBStorage(
                _with_driver(url),
                engine_kwargs={**options, "pool_pre_ping": True},
                heartbeat_interval=max(1, round(self.heartbeat)),
                grace_period=max(2, round(_BEATS * self.heartbeat)),
                heartbeat_stale_trial_callback=again,
                skip_table_creation=tables_exist,
            )


class Turn:
    """A turn that may be ended before its block is over."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def end(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)


def _with_driver(url: str) -> str:
    """SQLAlchemy's releases differ in which driver "postgresql" means."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)
