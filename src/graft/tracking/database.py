"""MLflow's SQLite database, made whole before anybody looks at it.

MLflow makes its tables step by step in the file that it was given, which takes seconds: two first
runs at once break each other's, and a killed one leaves a file that no later run can use. So the
database is made under a lock, under a temporary name, with the experiment in it, and then renamed.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

logger = logging.getLogger(__name__)

_PREFIX = "sqlite:///"


def ensure_database(tracking_uri: str, experiment: str, artifact_root: str | None) -> None:
    """Make the database and the experiment in it, unless they exist.

    A database that exists is looked at with sqlite3 alone, which takes a millisecond. Any other
    kind of tracking store is left to MLflow.

    Args:
        tracking_uri: Where runs are recorded.
        experiment: The name of the MLflow experiment.
        artifact_root: The folder for artifacts; None leaves the choice to MLflow.
    """
    database = database_path(tracking_uri)
    if database is None or _holds(database, experiment):
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with _locked(database.with_name(f"{database.name}.lock")):
        if _holds(database, experiment):
            return  # another process made it while this one waited
        if _is_complete(database):
            _add_experiment(database, experiment, artifact_root)
            return
        logger.info("Making the MLflow database %s, once (some seconds).", database)
        partial = database.with_name(f"{database.name}.partial")
        for leftover in database.parent.glob(f"{partial.name}*"):
            leftover.unlink()  # of a process that was killed: the file and SQLite's journal
        _add_experiment(partial, experiment, artifact_root)
        if database.exists():
            incomplete = database.with_name(f"{database.name}.incomplete")
            logger.warning("%s is incomplete; it is kept as %s.", database, incomplete)
            os.replace(database, incomplete)
        os.replace(partial, database)


def database_path(tracking_uri: str) -> Path | None:
    """The file of an SQLite database, None for any other tracking store."""
    if not tracking_uri.startswith(_PREFIX):
        return None
    return Path(tracking_uri.removeprefix(_PREFIX))


def _holds(database: Path, experiment: str) -> bool:
    return _has_row(database, "SELECT 1 FROM experiments WHERE name = ?", experiment)


def _is_complete(database: Path) -> bool:
    """Whether the tables were all made: their version is what MLflow writes last."""
    return _has_row(database, "SELECT 1 FROM alembic_version")


def _has_row(database: Path, query: str, *values: str) -> bool:
    if not database.exists():  # sqlite3 would make an empty file
        return False
    with contextlib.closing(sqlite3.connect(database, timeout=20)) as connection:
        try:
            return connection.execute(query, values).fetchone() is not None
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return False
            raise


def _add_experiment(database: Path, experiment: str, artifact_root: str | None) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"{_PREFIX}{database}")
    folder = Path(artifact_root).as_uri() if artifact_root else None
    client.create_experiment(experiment, artifact_location=folder)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock file; the kernel frees it when its holder dies, however it dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
