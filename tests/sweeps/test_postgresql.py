"""Sweeps of several hosts, on a real PostgreSQL where the machine has one."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from graft.errors import GraftError
from graft.sweeps.storage import TrialStorage
from graft.sweeps.study import open_study, reap, settled
from graft.sweeps.work import work

from .conftest import CONTEXT, plan, start_worker

pytestmark = pytest.mark.slow


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The address of an empty database."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs or importlib.util.find_spec("psycopg") is None:
        pytest.skip("needs Debian's package postgresql and the extra postgresql")
    account: list[str] = []
    if os.geteuid() == 0:  # as whom PostgreSQL refuses to run
        accounts = {user.pw_name for user in pwd.getpwall()}
        program = shutil.which("runuser", path="/usr/sbin:/sbin")
        if program is None or "postgres" not in accounts:
            pytest.skip("needs the account postgres and the program runuser")
        account = [program, "-u", "postgres", "--"]
    folder = Path(tempfile.mkdtemp(prefix="graft-postgresql-"))
    if account:
        shutil.chown(folder, "postgres")
    data, port, here = str(folder / "data"), _free_port(), programs[-1].parent
    options = f"-k {folder} -c listen_addresses=127.0.0.1 -p {port} -c fsync=off"

    def run(program: str, *arguments: str) -> None:
        command = [*account, str(here / program), *arguments]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL)

    run("initdb", "-D", data, "-A", "trust", "-U", "me")
    run("pg_ctl", "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "me", "sweeps")
        yield f"postgresql://me@127.0.0.1:{port}/sweeps"
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def test_hosts_begin_a_fresh_study_at_once(database: str, tmp_path: Path) -> None:
    together = CONTEXT.Barrier(4)
    hosts = [
        start_worker(
            plan(name="fresh", trials=12),
            TrialStorage(tmp_path / name, database, heartbeat=1.0),
            together=together,
            host=name,
        )
        for name in ("one", "two", "three", "four")
    ]
    for host in hosts:
        host.join()
    assert [host.exitcode for host in hosts] == [0] * 4
    trials = open_study(plan(name="fresh"), TrialStorage(tmp_path, database)).get_trials()
    assert {trial.state.name for trial in trials} == {"COMPLETE"}
    assert 12 <= len(trials) < 12 + len(hosts)
    assert {trial.user_attrs["worker"]["host"] for trial in trials} > {"one"}


def test_the_trial_of_a_host_that_is_gone_is_tried_again(database: str, tmp_path: Path) -> None:
    storage = TrialStorage(tmp_path, database, heartbeat=1.0)
    unlucky = start_worker(plan(trials=2), storage, host="unlucky", dies=True)
    unlucky.join()
    assert unlucky.exitcode == -9
    study = open_study(plan(trials=2), storage)
    while study.get_trials()[0].state.name == "RUNNING":
        assert reap(study, storage) == []  # of another host heartbeats alone are known
        time.sleep(0.5)
    killed, again = study.get_trials()
    assert (killed.state.name, again.state.name) == ("FAIL", "WAITING")
    assert killed.params == again.params
    work(plan(trials=2), storage, lambda attempt: 0.5)
    assert len(settled(study.get_trials())) == 2


def test_a_database_that_is_not_there_is_a_mistake_that_is_told(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(GraftError, match=r"sweep\.storage: .* cannot be used: .*refused"):
        TrialStorage(tmp_path, f"postgresql://me@127.0.0.1:{_free_port()}/sweeps").make()
