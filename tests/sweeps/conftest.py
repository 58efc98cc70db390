"""A study whose trials take no time: numbers with a best point."""

from __future__ import annotations

import multiprocessing
import runpy
import shutil
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from graft.config.loader import GraftConfigLoader
from graft.sweeps.plan import Plan
from graft.sweeps.space import Params, read_space
from graft.sweeps.storage import TrialStorage
from graft.sweeps.workers import PRELOADED

ROOT = Path(__file__).parents[2]
SPACE = {"training.learning_rate": {"low": 0.0, "high": 1.0}, "model.options.wide": [True, False]}


def plan(**changes: Any) -> Plan:
    wanted: dict[str, Any] = {"name": "any", "space": read_space(SPACE), "trials": 6}
    return Plan(**(wanted | {"sampler": "random", "pruner": "none"} | changes))


def parameters(experiment: str = "digits_sweep", **changes: Any) -> Params:
    """The project's own, as `kedro run -x <experiment>` has them without conf/local."""
    return dict(loader(experiment, **changes)["parameters"])


def loader(experiment: str, conf: Path = ROOT / "conf", **changes: Any) -> GraftConfigLoader:
    """What reads them."""
    return GraftConfigLoader(
        str(conf),
        env="base",
        runtime_params={"experiment": experiment, **changes},
        base_env="base",
        default_run_env="base",
    )


CONTEXT = multiprocessing.get_context("forkserver")
# As `graft.sweeps.workers` wants it: the server is one for all tests of a process.
CONTEXT.set_forkserver_preload(list(PRELOADED))


def start_worker(
    wanted: Plan, storage: TrialStorage, *, together: Any = None, host: str = "", dies: bool = False
) -> BaseProcess:
    """A process that does what one command does, see `a_worker`."""
    command = {"host": host, "storage": storage, "plan": wanted, "together": together, "dies": dies}
    process = CONTEXT.Process(
        target=runpy.run_path,
        args=(str(Path(__file__).with_name("a_worker.py")), {"command": command}),
    )
    process.start()
    return process


@pytest.fixture(scope="session")
def made_storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file as it is made, which takes a second."""
    storage = TrialStorage(tmp_path_factory.mktemp("made"), heartbeat=1.0)
    storage.make()
    return storage.folder


@pytest.fixture
def storage(made_storage: Path, tmp_path: Path) -> TrialStorage:
    return TrialStorage(Path(shutil.copytree(made_storage, tmp_path / "trials")), heartbeat=1.0)
