"""`kedro run --pipeline=transfer_learning` on a fresh copy, and all that it leaves behind."""

from __future__ import annotations

import html
import json
import re
from itertools import combinations
from typing import Any

import pytest
import yaml
from kedro.io import DataCatalog, MemoryDataset

from graft.nested import leaves
from graft.pipeline_registry import register_pipelines

from .conftest import FinishedRun
from .project_copy import QUICK, warnings_in

pytestmark = pytest.mark.slow

METHODS = (
    "fine-tuned",
    "SVM on frozen features",
    "linear probe on frozen features",
    "k-NN on frozen features",
    "from scratch",
    "majority class",
)


@pytest.fixture(scope="module")
def catalog(finished: FinishedRun) -> DataCatalog:
    return finished.project.catalog()


@pytest.fixture(scope="module")
def stored(catalog: DataCatalog) -> list[str]:
    """All outputs but those that are handed on in memory."""
    outputs = register_pipelines()["transfer_learning"].all_outputs()
    assert outputs <= set(catalog)  # Kedro would drop an output without an entry after the run
    return sorted(name for name in outputs if not isinstance(catalog[name], MemoryDataset))


@pytest.fixture(scope="module")
def mlflow_run(finished: FinishedRun) -> Any:
    """The run as MLflow has it; there has to be exactly one."""
    (run,) = finished.project.runs()
    return run


def test_it_succeeds(finished: FinishedRun) -> None:
    assert finished.returncode == 0, finished.output


def test_it_warns_of_nothing(finished: FinishedRun) -> None:
    assert warnings_in(finished.output) == []


def test_it_ends_with_the_comparison_and_where_to_look_next(finished: FinishedRun) -> None:
    _, _, summary = finished.output.rpartition("Pipeline execution completed successfully")
    shown = [summary.find(method) for method in METHODS]
    assert shown == sorted(shown)
    assert min(shown) > 0
    assert "kedro viz run" in summary
    assert "kedro run --pipeline=prediction -x digits --params=prediction.folder=" in summary
    assert summary.find("report.html") > 0
    assert f"mlflow ui --workers 1 --backend-store-uri {finished.project.tracking_uri}" in summary


def test_files_are_all_committed(finished: FinishedRun) -> None:
    assert finished.project.unfinished_files() == []


def test_each_output_is_stored_and_loads(catalog: DataCatalog, stored: list[str]) -> None:
    assert [name for name in stored if not catalog.exists(name)] == []
    assert [name for name in stored if catalog.load(name) is None] == []


def test_each_output_has_a_preview(catalog: DataCatalog, stored: list[str]) -> None:
    for name in stored:
        preview = catalog[name].preview()
        match catalog[name].preview.__annotations__["return"]:
            case "ImagePreview":
                assert preview.startswith("iVBORw0KGgo"), name  # PNG, in base64
            case "JSONPreview":
                assert json.loads(preview), name
            case "HTMLPreview":
                assert preview.startswith("<!doctype html>"), name
            case "TablePreview":
                assert set(preview) == {"columns", "index", "data"}, name
            case kind:
                pytest.fail(f"Kedro-Viz shows no {kind}: {name}")


def test_the_table_compares_all_methods_on_the_same_images(catalog: DataCatalog) -> None:
    table, store = catalog.load("comparison_table"), catalog.load("image_store")
    assert tuple(table["method"]) == METHODS
    assert set(table["test_images"]) == {len(store.indices("test"))}
    assert table["accuracy"].between(table["accuracy_low"], table["accuracy_high"]).all()
    # Ten classes: features of a backbone that has learnt nothing would do little better than 0.1.
    assert table.set_index("method")["accuracy"]["SVM on frozen features"] > 0.5


def test_no_image_is_in_two_parts(catalog: DataCatalog) -> None:
    manifest = catalog.load("image_store").manifest
    parts = {part: set(rows["id"]) for part, rows in manifest.groupby("split")}
    assert len(parts["train"]) == 200
    assert set(parts) == {"train", "validation", "test", "unused"}
    assert all(one.isdisjoint(other) for one, other in combinations(parts.values(), 2))
    assert sum(map(len, parts.values())) == len(manifest)


@pytest.mark.parametrize("predictions", ["network", "svm", "scratch"])
def test_predictions_are_of_the_test_images_alone(catalog: DataCatalog, predictions: str) -> None:
    manifest = catalog.load("image_store").manifest
    test_ids = manifest["id"][manifest["split"] == "test"]
    assert list(catalog.load(f"{predictions}_predictions")["id"]) == list(test_ids)


def test_features_keep_the_parts_of_the_store(catalog: DataCatalog) -> None:
    features, manifest = catalog.load("features"), catalog.load("image_store").manifest
    split_of = manifest.set_index("id")["split"]
    assert list(features.splits) == list(split_of[features.ids])


def test_the_checkpoint_predicts_what_the_run_predicted(catalog: DataCatalog) -> None:
    from graft.compute import resolve_compute
    from graft.evaluation.inference import predict_with_network
    from graft.training.checkpoint import restore_classifier

    stored = catalog.load("network_predictions")
    again = predict_with_network(
        restore_classifier(catalog.load("best_checkpoint")),
        catalog.load("image_store"),
        "test",
        resolve_compute("cpu", "fp32", 1),
        "again",
    )
    assert list(again.predicted) == list(stored["predicted_index"])


def test_the_bundle_predicts_what_the_run_predicted(catalog: DataCatalog) -> None:
    store, stored = catalog.load("image_store"), catalog.load("network_predictions")
    answer = catalog.load("model_bundle").predict(store.images[store.indices("test")])
    assert answer.labels == list(stored["predicted"])


def test_the_bundle_is_a_registered_version_of_the_run(
    finished: FinishedRun, mlflow_run: Any
) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(finished.project.tracking_uri)
    (version,) = client.search_model_versions("name = 'digits'")
    assert version.run_id == mlflow_run.info.run_id


def test_the_mlflow_run_is_finished(mlflow_run: Any) -> None:
    assert mlflow_run.info.status == "FINISHED"
    assert mlflow_run.info.run_name == "digits"


def test_mlflow_has_the_parameters_flat(mlflow_run: Any) -> None:
    params = mlflow_run.data.params
    assert params["training.epochs"] == "2"  # from conf/local
    assert params["svm.C"] == "5.0"  # from --params
    assert params["model.backbone"] == "resnet20_cifar"  # from conf/base
    assert not [value for value in params.values() if value.startswith("{")]


@pytest.mark.parametrize("method", ["fine-tuned", "from scratch"])
@pytest.mark.parametrize("quantity", ["train_loss", "validation_accuracy", "learning_rate"])
def test_mlflow_has_a_curve_for_each_training(
    finished: FinishedRun, mlflow_run: Any, method: str, quantity: str
) -> None:
    from mlflow import MlflowClient

    history = MlflowClient(finished.project.tracking_uri).get_metric_history(
        mlflow_run.info.run_id, f"{method}/{quantity}"
    )
    assert [point.step for point in history] == [1, 2]


def test_mlflow_has_the_final_metrics_of_the_table(mlflow_run: Any, catalog: DataCatalog) -> None:
    recorded = mlflow_run.data.metrics
    table = catalog.load("comparison_table").set_index("method")
    for method in METHODS[:3]:
        assert recorded[f"test/{method}/accuracy"] == pytest.approx(table["accuracy"][method])
        low = recorded[f"test/{method}/macro_f1_low"]
        assert low == pytest.approx(table["macro_f1_low"][method])


def test_mlflow_has_the_figures_and_tables(finished: FinishedRun, mlflow_run: Any) -> None:
    artifacts = finished.project.path / "mlartifacts" / mlflow_run.info.run_id / "artifacts"
    for name in ("network_confusion_matrix", "training_curves", "comparison_figure"):
        assert (artifacts / "figures" / f"{name}.png").is_file()
    assert (artifacts / "tables" / "comparison_table.csv").is_file()
    assert (artifacts / "tables" / "quarantine.csv").is_file()


def test_mlflow_knows_the_images_and_where_the_run_comes_from(
    finished: FinishedRun, mlflow_run: Any
) -> None:
    (images,) = mlflow_run.inputs.dataset_inputs
    assert images.dataset.name == "digits"
    tags = mlflow_run.data.tags
    assert tags["command"] == "kedro run --pipeline=transfer_learning --params=svm.C=5.0"
    assert tags["experiment"] == "digits"
    if (finished.project.path / ".git").exists():
        head = (finished.project.path / ".git/HEAD").read_text().removeprefix("ref: ").strip()
        commit = (finished.project.path / ".git" / head).read_text().strip()
        assert tags["git_commit"] == commit
        assert tags["git_dirty"] == "false"


def test_the_report_tells_what_the_table_tells_and_how_to_make_the_run_again(
    finished: FinishedRun, catalog: DataCatalog, mlflow_run: Any
) -> None:
    page, table = catalog.load("report"), catalog.load("comparison_table")
    assert len(page) < 3_000_000
    for method, accuracy in zip(table["method"], table["accuracy"], strict=True):
        assert method in page
        assert f"{100 * accuracy:.1f} %" in page
    # What conf/local and --params change, it changes on the command line.
    (command,) = re.findall(r"kedro run --pipeline=.*", html.unescape(page))
    asked = command.partition("--params=")[2].partition("</code>")[0].strip("'").split(",")
    local = dict(leaves(yaml.safe_load(QUICK)))
    assert set(asked) == {f"{key}={value}" for key, value in local.items()} | {"svm.C=5.0"}
    assert mlflow_run.data.tags.get("git_commit", "") in page
    artifacts = finished.project.path / "mlartifacts" / mlflow_run.info.run_id / "artifacts"
    assert (artifacts / "files/report.html").read_text(encoding="utf-8") == page


def test_each_node_was_timed(mlflow_run: Any, catalog: DataCatalog) -> None:
    timing = catalog.load("timing")
    nodes = {node.name for node in register_pipelines()["transfer_learning"].nodes}
    assert set(timing["stage"] + "." + timing["node"]) == nodes | {".total"}
    seconds = timing.set_index("node")["seconds"]
    recorded = mlflow_run.data.metrics
    assert recorded["seconds/training.train_transferred"] == seconds["train_transferred"]
    assert recorded["seconds/total"] == seconds["total"] > 0


def test_the_probabilities_were_calibrated_on_validation_images(
    mlflow_run: Any, catalog: DataCatalog
) -> None:
    validation, store = catalog.load("validation_predictions"), catalog.load("image_store")
    in_part = store.manifest["id"][store.indices("validation")]
    assert list(validation["id"]) == list(in_part)
    calibration = catalog.load("calibration")
    assert calibration["validation_images"] == len(in_part)
    loss = calibration["calibrated"]["log_loss"]["value"]
    assert mlflow_run.data.metrics["test/calibrated/log_loss"] == pytest.approx(loss)


def test_both_trainings_are_diagnosed(catalog: DataCatalog) -> None:
    diagnosis = catalog.load("diagnosis")
    assert set(diagnosis) == {"fine-tuned", "from scratch"}
    assert all(told["verdict"] != "unknown" for told in diagnosis.values())


def test_it_leaves_nothing_behind_that_git_would_see(finished: FinishedRun) -> None:
    import subprocess

    if not (finished.project.path / ".git").exists():
        pytest.skip("needs git")
    command = ["git", "status", "--porcelain"]
    status = subprocess.run(command, cwd=finished.project.path, capture_output=True, check=True)
    assert status.stdout == b""
