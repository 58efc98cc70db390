"""A copy of the project in a folder of its own, in which commands run as a user types them."""

from __future__ import annotations

import os
import random
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .warm_start import run_kedro

if TYPE_CHECKING:
    from kedro.io import DataCatalog
    from mlflow.entities import Run

    from graft.config.loader import GraftConfigLoader

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent  # where the environment keeps `kedro` and `mlflow`
TIMEOUT = 400  # seconds a command may take on a busy machine

# A user's own defaults, conf/local: a run that takes seconds. Few images and two epochs.
QUICK = """
split: {train_size: 200}
training: {epochs: 2}
evaluation: {bootstrap_resamples: 100}
"""


@dataclass(frozen=True)
class ProjectCopy:
    """The project's files without anything that runs have made, at `path`."""

    path: Path

    @classmethod
    def make(cls, path: Path, local_parameters: str = QUICK) -> ProjectCopy:
        """Copy configuration, code, notebooks and the empty data folders to `path`."""
        leave_out = shutil.ignore_patterns("__pycache__", "*.egg-info", ".ipynb_checkpoints")
        for folder in ("conf", "notebooks", "src"):
            shutil.copytree(ROOT / folder, path / folder, ignore=leave_out)
        for file in ("pyproject.toml", ".telemetry", ".gitignore"):
            shutil.copy(ROOT / file, path)
        for folder in (ROOT / "data").glob("0*"):
            (path / "data" / folder.name).mkdir(parents=True)
        shutil.rmtree(path / "conf/local")
        (path / "conf/local").mkdir()
        (path / "conf/local/parameters.yml").write_text(local_parameters)
        return cls(path)

    def kedro(
        self, *arguments: str, within: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run `kedro <arguments>` to its end; its output holds both streams, in colourless text.

        Args:
            arguments: What follows `kedro`.
            within: A command to run it in, such as ("unshare", "-n").
        """
        if not within:
            return run_kedro(arguments, self.path, self.environment(), TIMEOUT)
        return subprocess.run(
            [*within, str(BIN / "kedro"), *arguments],
            cwd=self.path,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

    def environment(self) -> dict[str, str]:
        """The variables of a command: this copy's code, no settings of the machine's."""
        ours = ("MLFLOW_", "KEDRO_", "GRAFT_")
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        return {
            **inherited,
            "PYTHONPATH": str(self.path / "src"),
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "200",  # the console breaks lines
            "NO_COLOR": "1",
        }

    def catalog(self, **parameters: Any) -> DataCatalog:
        """The catalog as a run with these parameters has it.

        Without a Kedro session, which would tie this process to the copy.
        """
        from kedro.io import DataCatalog

        entries = self._configuration(parameters)["catalog"]
        for entry in entries.values():
            if "filepath" in entry:
                entry["filepath"] = str(self.path / entry["filepath"])
        return DataCatalog.from_config(entries)

    def parameters(self, **changes: Any) -> dict[str, Any]:
        """All parameters as a run with these on its command line has them."""
        return dict(self._configuration(changes)["parameters"])

    def _configuration(self, parameters: dict[str, Any]) -> GraftConfigLoader:
        from graft.config.loader import GraftConfigLoader

        return GraftConfigLoader(
            str(self.path / "conf"),
            env="local",
            runtime_params=parameters,
            base_env="base",
            default_run_env="local",
        )

    @property
    def tracking_uri(self) -> str:
        return f"sqlite:///{self.path / 'mlflow.db'}"

    def runs(self) -> list[Run]:
        """All MLflow runs, oldest first; none where there is no database yet."""
        from mlflow import MlflowClient

        if not (self.path / "mlflow.db").exists():
            return []
        client = MlflowClient(self.tracking_uri)
        experiment = client.get_experiment_by_name("graft")
        assert experiment is not None
        return list(
            client.search_runs([experiment.experiment_id], order_by=["attributes.start_time"])
        )

    def unfinished_files(self) -> list[Path]:
        """What lies under data/ outside a committed folder, apart from the empty skeleton."""
        from graft.storage import is_committed

        data = self.path / "data"
        files = [path for path in data.rglob("*") if path.is_file()]
        return [file for file in files if not is_committed(file.parent)]


def warnings_in(output: str) -> list[str]:
    """The lines of a command's output that would worry a user."""
    return [line for line in output.splitlines() if re.search(r"warning|error\b", line, re.I)]


def free_port() -> int:
    """Not the system's choice: Kedro-Viz takes no port above 49151."""
    while True:
        port = random.randint(20000, 32000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
