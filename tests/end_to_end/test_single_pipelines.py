"""Each pipeline alone, from what an earlier run has stored; and without anything stored."""

from __future__ import annotations

import shutil

import pytest

from .conftest import FinishedRun
from .project_copy import ProjectCopy, warnings_in

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def with_results(finished: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """The finished run's files, without its history in MLflow."""
    path = tmp_path_factory.mktemp("project") / "with_results"
    leave_out = shutil.ignore_patterns("mlflow.db*", "mlartifacts")
    shutil.copytree(finished.project.path, path, ignore=leave_out)
    return ProjectCopy(path)


@pytest.mark.parametrize(
    ("option", "made"),
    [
        ("--pipeline=ingest", "dataset_card"),
        ("--pipeline=augmentation", "augmentation_preview"),
        ("--pipeline=training", "training_curves"),
        ("--pipeline=feature_extraction", "features"),
        ("--pipeline=svm", "svm"),
        ("--pipelines=svm", "svm"),
        ("--pipeline=evaluation", "comparison_table"),
    ],
)
def test_a_pipeline_runs_alone(with_results: ProjectCopy, option: str, made: str) -> None:
    before = with_results.catalog()[made].filepath
    process = with_results.kedro("run", option, "--params=training.epochs=1")
    assert process.returncode == 0, process.stdout
    assert warnings_in(process.stdout) == []
    assert with_results.catalog()[made].filepath > before  # a newer version
    assert [run.info.status for run in with_results.runs()][-1] == "FINISHED"


def test_without_stored_inputs_it_says_what_to_run(project: ProjectCopy) -> None:
    process = project.kedro("run", "--pipeline=svm")
    assert process.returncode == 1
    assert "Traceback" not in process.stdout
    assert "features  is made by: kedro run --pipeline=feature_extraction" in process.stdout
    assert "--pipeline=transfer_learning" in process.stdout
    assert project.runs() == []  # nothing has run
