"""A Kedro project with one small pipeline and Graft's settings, run in processes of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from graft.tracking.database import ensure_database

if TYPE_CHECKING:
    from mlflow.entities import Run

ROOT = Path(__file__).parents[2]

PYPROJECT = """
[tool.kedro]
package_name = "tiny"
project_name = "Tiny"
kedro_init_version = "1.7.0"
source_dir = "src"
"""

CATALOG = """
metrics:
  type: graft.datasets.MetricsDataset
  filepath: data/${globals:experiment}/metrics.json
  versioned: true
  metadata: {mlflow: metrics}
report:
  type: graft.datasets.MetricsDataset
  filepath: data/${globals:experiment}/report.json
  versioned: true
  metadata: {mlflow: artifact}
"""

# `behaviour` decides how the one node ends; `epochs` is how often it reports before.
REGISTRY = """
import logging, os, signal, time
from pathlib import Path

from kedro.pipeline import Node, Pipeline

from graft.errors import GraftError
from graft.tracking.observer import MlflowObserver
from graft.training.loop import EpochRecord


def train(training, seed):
    observer = MlflowObserver(prefix="cnn")
    for epoch in range(1, training["epochs"] + 1):
        observer.on_epoch(EpochRecord(epoch, 1 / epoch, 0.5, None, None, None, 0.1, 100.0, 1.0))
    logging.getLogger("tiny").info("not read: [/b].png")
    Path("started").touch()
    match os.environ.get("BEHAVIOUR"):
        case "raise":
            raise RuntimeError("broken node")
        case "mistake":
            raise GraftError("training.epochs: too many")
        case "interrupt":
            raise KeyboardInterrupt
        case "sleep":
            time.sleep(300)  # until it is stopped; a busy machine runs another one meanwhile
    measures = {"accuracy": {"value": 0.9}, "classes": {"a, b": {"value": 1}}}
    return {"cnn": measures, "note": "x"}, {"seed": seed}


def register_pipelines():
    train_once = Pipeline(
        [Node(train, ["params:training", "params:seed"], ["metrics", "report"], name="train")]
    )
    names = ("training", "transfer_learning", "__default__")
    return dict.fromkeys(names, train_once)
"""


def _default_signals() -> None:
    """As in a terminal; a background script hands on that Ctrl-C and hang-ups are ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@dataclass(frozen=True)
class TinyProject:
    path: Path

    @property
    def tracking_uri(self) -> str:
        return f"sqlite:///{self.path / 'mlflow.db'}"

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start `kedro run`."""
        (self.path / "started").unlink(missing_ok=True)
        return self._start(["run", *arguments], environment)

    def _start(
        self, arguments: Sequence[str], environment: dict[str, str]
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "kedro", *arguments],
            cwd=self.path,
            env=_environment(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=_default_signals,
        )

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`kedro run` to its end."""
        return self.kedro("run", *arguments, **environment)

    def kedro(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`kedro <arguments>` to its end."""
        process = self._start(arguments, environment)
        output, _ = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    def python(self, program: str) -> subprocess.CompletedProcess[str]:
        """Run a program with Graft and the project's environment."""
        return subprocess.run(
            [sys.executable, "-c", program],
            cwd=self.path,
            env=_environment({}),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def start_sleeping(self) -> subprocess.Popen[str]:
        """Start a run and return when its node sleeps."""
        process = self.start(BEHAVIOUR="sleep")
        self.wait_for_file("started", process)
        return process

    def wait_for_file(self, name: str, process: subprocess.Popen[str]) -> None:
        while not (self.path / name).exists():
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.02)

    def runs(self, tracking_uri: str | None = None) -> list[Run]:
        """All MLflow runs, oldest first."""
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri or self.tracking_uri)
        experiment = client.get_experiment_by_name("graft")
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time"])
        return list(runs)

    def statuses(self) -> list[str]:
        return [run.info.status for run in self.runs()]


def _environment(extra: dict[str, str]) -> dict[str, str]:
    ours = ("MLFLOW_", "GRAFT_")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    return {**inherited, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", **extra}


@pytest.fixture(scope="session")
def made_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as a first run makes it; that takes seconds, so tests copy it."""
    folder = tmp_path_factory.mktemp("made")
    ensure_database(f"sqlite:///{folder / 'mlflow.db'}", "graft", str(folder / "mlartifacts"))
    return folder / "mlflow.db"


@pytest.fixture(scope="module")
def make_project(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., TinyProject]:
    def make_project(database: Path | None = None) -> TinyProject:
        path = tmp_path_factory.mktemp("tiny")
        package = path / "src/tiny"
        for folder in (package, path / "conf/local", path / "conf/experiments"):
            folder.mkdir(parents=True)
        shutil.copytree(
            ROOT / "conf/base", path / "conf/base", ignore=shutil.ignore_patterns("catalog*")
        )
        shutil.copy(ROOT / "conf/logging.yml", path / "conf")
        shutil.copy(ROOT / ".telemetry", path)
        if database:
            shutil.copy(database, path / "mlflow.db")
        (path / "conf/base/catalog.yml").write_text(CATALOG)
        (path / "conf/experiments/digits.yml").write_text("_description: Digits\n")
        (path / "conf/experiments/short.yml").write_text(
            "_description: Short\ntraining: {epochs: 3}\n"
        )
        (path / "pyproject.toml").write_text(PYPROJECT)
        (package / "__init__.py").touch()
        (package / "settings.py").write_text("from graft.settings import *\n")
        (package / "cli.py").write_text("from graft.cli import cli, run\n")
        (package / "pipeline_registry.py").write_text(REGISTRY)
        return TinyProject(path)

    return make_project


@pytest.fixture
def project(make_project: Callable[..., TinyProject], made_database: Path) -> TinyProject:
    """A project whose database exists."""
    return make_project(made_database)


@pytest.fixture
def store(made_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a database of the test's own, which MLflow in this process records in."""
    import mlflow

    shutil.copy(made_database, tmp_path / "mlflow.db")
    # MLflow exports these two itself; with monkeypatch they are gone after the test.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("graft")
    yield uri
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(None)
