"""A `conf` folder with the project's own parameters, for tests that add to it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graft.config.loader import GraftConfigLoader

PROJECT_CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture
def make_conf(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Path]:
    """Make conf/base with the project's parameters and mlflow.yml, and the experiment `digits`."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def make_conf(project: Path) -> Path:
        conf = project / "conf"
        for folder in ("base", "local", "experiments"):
            (conf / folder).mkdir(parents=True)
        for file in (*PROJECT_CONF.glob("base/parameters*.yml"), PROJECT_CONF / "base/mlflow.yml"):
            shutil.copy(file, conf / "base")
        (conf / "experiments/digits.yml").write_text("_description: The defaults\n")
        (project / "pyproject.toml").write_text("[tool.kedro]\n")
        return conf

    return make_conf


@pytest.fixture
def conf(make_conf: Callable[[Path], Path], tmp_path: Path) -> Path:
    return make_conf(tmp_path)


@pytest.fixture
def load() -> Callable[..., GraftConfigLoader]:
    """Load a `conf` folder as a run does; keywords are runtime parameters."""

    def load(conf: Path, **runtime_params: Any) -> GraftConfigLoader:
        return GraftConfigLoader(
            str(conf),
            runtime_params=runtime_params,
            base_env="base",
            default_run_env="local",
            config_patterns={"mlflow": ["mlflow*"]},
            merge_strategy={"mlflow": "soft"},
        )

    return load
