"""`kedro run` with experiments."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.project import configure_project
from kedro.io import DatasetError

from graft.cli import cli, run
from graft.errors import GraftError

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def _project() -> None:
    """As the command `kedro` begins."""
    configure_project("graft")


@pytest.fixture
def handed_over(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The options that Kedro's own `run` is called with."""
    options: dict[str, Any] = {}
    monkeypatch.setattr(kedro_run, "callback", options.update)
    return options


def invoke(*arguments: str, project: Path = PROJECT) -> Result:
    return CliRunner().invoke(cli, arguments, obj=SimpleNamespace(project_path=project))


def test_run_has_all_of_kedros_options():
    assert {option.name for option in run.params} == {
        "experiment",
        *(option.name for option in kedro_run.params),
    }


@pytest.mark.parametrize("option", ["-x", "--experiment"])
def test_an_experiment_becomes_a_runtime_parameter(handed_over, option):
    assert invoke("run", option, "digits", "--params=training.epochs=3").exit_code == 0
    assert handed_over["params"] == {"experiment": "digits", "training": {"epochs": 3}}


@pytest.mark.parametrize("option", ["--pipeline=svm", "--pipelines=svm", "-psvm"])
def test_pipeline_and_pipelines_mean_the_same(handed_over, option):
    assert invoke("run", option).exit_code == 0
    assert (handed_over["pipeline"], handed_over["pipelines"]) == (None, ["svm"])


def test_pipeline_and_pipelines_together_are_an_error():
    result = invoke("run", "--pipeline=svm", "--pipelines=training")
    assert result.exit_code == 2
    assert "give one of them" in result.output


def failing_with(error: Exception, cause: Exception | None = None) -> Any:
    def fail(**options: Any) -> None:
        raise error from cause

    return fail


@pytest.mark.parametrize(
    "fail",
    [
        failing_with(GraftError("folder: name it")),
        failing_with(DatasetError("Failed while loading"), GraftError("folder: name it")),
    ],
)
def test_a_users_mistake_is_shown_without_a_traceback(monkeypatch, fail):
    monkeypatch.setattr(kedro_run, "callback", fail)
    result = invoke("run")
    assert result.exit_code == 1
    assert result.output == "folder: name it\n"


def test_any_other_error_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr(kedro_run, "callback", failing_with(ZeroDivisionError("a bug")))
    assert isinstance(invoke("run").exception, ZeroDivisionError)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "conf/experiments"
    folder.mkdir(parents=True)
    shutil.copytree(PROJECT / "conf/base", tmp_path / "conf/base")
    (tmp_path / "conf/local").mkdir()
    (folder / "digits.yml").write_text("_description: Handwritten digits\n")
    (folder / "machine.yml").write_text("_description: A machine\n_pipeline: svm\n")
    (folder / "larger.yml").write_text("_description: Larger\n_extends: machine\n")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "pipelines"),
    [
        (["-x", "machine"], ["svm"]),
        (["-x", "larger"], ["svm"]),  # of what it extends
        (["--params=experiment=machine"], ["svm"]),
        (["-x", "digits"], ["transfer_learning"]),
        (["-x", "machine", "--pipeline=probes"], ["probes"]),
        ([], ["transfer_learning"]),
    ],
)
def test_an_experiment_chooses_its_pipeline_where_nobody_else_does(
    handed_over, project, arguments, pipelines
):
    assert invoke("run", *arguments, project=project).exit_code == 0
    assert handed_over["pipelines"] == pipelines


@pytest.mark.parametrize("packed", [False, True])
def test_the_pipeline_comes_from_the_configuration_that_is_run(handed_over, project, packed):
    conf = str(project / "conf")
    if packed:
        conf = shutil.make_archive(conf, "gztar", project, "conf")
    assert invoke("run", "-x", "machine", f"--conf-source={conf}").exit_code == 0
    assert handed_over["pipelines"] == ["svm"]


def test_an_experiment_that_only_a_file_names_chooses_its_pipeline_too(handed_over, project):
    (project / "conf/local/parameters.yml").write_text("experiment: machine\n")
    assert invoke("run", project=project).exit_code == 0
    assert handed_over["pipelines"] == ["svm"]


def test_a_misspelt_experiment_is_no_traceback(handed_over, project):
    result = invoke("run", "-x", "machin", project=project)
    assert (result.exit_code, handed_over) == (1, {})
    assert "did you mean 'machine'?" in result.output


def test_the_projects_own_modules_import_nothing_heavy():
    heavy = ["torch", "torchvision", "sklearn", "skops", "mlflow", "matplotlib", "pandas"]
    program = (
        "import sys; import graft.cli, graft.settings, graft.config.experiments;"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    assert python("-c", program).stdout == "[]\n"


@pytest.mark.slow
@pytest.mark.parametrize("command", [["-m", "kedro", "run"], ["-m", "graft"]])
def test_a_misspelt_experiment_ends_before_anything_runs(command):
    before = sorted(PROJECT.iterdir())
    result = python(*command, "--pipeline=ingest", "-x", "digts")
    assert result.returncode == 1
    assert "did you mean 'digits'?" in result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    assert "deprecated" not in result.stdout + result.stderr
    assert "Running node" not in result.stdout
    assert sorted(PROJECT.iterdir()) == before


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the project's folder."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT / "src")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
