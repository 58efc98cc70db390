"""The database is whole or absent, and made once."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from graft.tracking import database
from graft.tracking.database import ensure_database


def uri(path: Path) -> str:
    return f"sqlite:///{path}"


def experiments(path: Path) -> dict[str, str]:
    """Names and artifact locations."""
    with sqlite3.connect(path) as connection:
        return dict(connection.execute("SELECT name, artifact_location FROM experiments"))


@pytest.fixture
def existing(made_database: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made_database, tmp_path / "mlflow.db"))


def test_it_is_made_with_the_experiment_and_nothing_is_left_beside_it(made_database):
    location = experiments(made_database)["graft"]
    assert location == (made_database.parent / "mlartifacts").as_uri()
    beside = {path.name for path in made_database.parent.iterdir()}
    # Other tests' copies of the database may have recorded artifacts by now.
    assert beside - {"mlartifacts"} == {"mlflow.db", "mlflow.db.lock"}


def test_an_existing_one_is_looked_at_without_mlflow(existing):
    before = existing.read_bytes()
    program = (
        "import sys; from graft.tracking.database import ensure_database;"
        f"ensure_database({uri(existing)!r}, 'graft', None); print('mlflow' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=os.environ, check=True
    )
    assert answer.stdout == "False\n"
    assert existing.read_bytes() == before


def test_a_new_experiment_is_added_to_an_existing_one(existing, tmp_path):
    ensure_database(uri(existing), "other", str(tmp_path / "other"))
    assert experiments(existing).keys() == {"Default", "graft", "other"}
    assert experiments(existing)["other"] == (tmp_path / "other").as_uri()


@pytest.mark.slow
def test_a_half_made_one_is_replaced_and_kept(tmp_path):
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE experiments (name TEXT)")
    half_made = path.read_bytes()
    ensure_database(uri(path), "graft", None)
    assert "graft" in experiments(path)
    assert (tmp_path / "mlflow.db.incomplete").read_bytes() == half_made


def test_one_that_is_locked_is_not_taken_for_a_half_made_one(existing, monkeypatch):
    connect = sqlite3.connect
    monkeypatch.setattr(database.sqlite3, "connect", lambda path, timeout: connect(path, timeout=0))
    writer = connect(existing)
    writer.execute("BEGIN EXCLUSIVE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        ensure_database(uri(existing), "graft", None)
    writer.close()
    assert not existing.with_name("mlflow.db.incomplete").exists()


def test_a_tracking_server_is_left_alone():
    ensure_database("http://tracking.example:5000", "graft", None)
