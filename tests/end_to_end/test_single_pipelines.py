"""Each pipeline alone, from what an earlier run has stored; and without anything stored."""

from __future__ import annotations

import shutil

import pytest

from ..images.image_files import write_classes
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


def test_bundles_are_made_used_and_exported(with_results: ProjectCopy) -> None:
    """On a folder with a bad image, into columns of probabilities."""
    photos = with_results.path / "photos"
    write_classes(photos)
    (photos / "cat/torn.png").write_bytes((photos / "cat/1.png").read_bytes()[:99])
    asked = "prediction.folder=photos,prediction.submission.id=path,"
    asked += "prediction.submission.label_column=null"
    pipelines = "--pipelines=bundle,svm_bundle,prediction,export"
    process = with_results.kedro("run", pipelines, f"--params={asked}")
    assert process.returncode == 0, process.stdout
    assert "1 of 9 images could not be used" in process.stdout
    catalog = with_results.catalog()
    predictions, submission = catalog.load("predictions"), catalog.load("submission")
    assert len(predictions) == 9
    assert predictions.set_index("id")["error"]["cat/torn.png"] != ""
    assert list(submission) == ["id", *map(str, range(10))]
    assert len(submission) == 8
    network, machine = (catalog.load(f"{name}_bundle") for name in ("model", "svm"))
    pixels = catalog.load("image_store").images[:4]
    assert network.predict(pixels).probabilistic
    assert not machine.predict(pixels).probabilistic
    assert catalog.load("exported_network").description["largest_difference"] < 1e-4
    assert catalog["predicted_images"].preview().startswith("iVBORw0KGgo")


def test_classifiers_of_finished_runs_are_compared(with_results: ProjectCopy) -> None:
    """Of the newest run that has evaluated its classifiers: one of a test above."""
    chosen = "comparison.experiments=digits"
    process = with_results.kedro("run", "--pipeline=comparison", f"--params={chosen}")
    assert process.returncode == 0, process.stdout
    board = with_results.catalog().load("leaderboard")
    assert {"fine-tuned", "SVM on frozen features", "from scratch"} <= set(board["method"])
    *earlier, compared = with_results.runs()
    (evaluated,) = (run for run in earlier if "=evaluation" in run.data.tags["command"])
    assert set(board["runs"]) == {evaluated.info.run_id}
    recorded = compared.data.metrics
    assert recorded["test/fine-tuned/rank"] == board.set_index("method")["rank"]["fine-tuned"]


def test_without_stored_inputs_it_says_what_to_run(project: ProjectCopy) -> None:
    process = project.kedro("run", "--pipeline=svm")
    assert process.returncode == 1
    assert "Traceback" not in process.stdout
    assert "features  is made by: kedro run --pipeline=feature_extraction" in process.stdout
    assert "--pipeline=transfer_learning" in process.stdout
    assert project.runs() == []  # nothing has run
