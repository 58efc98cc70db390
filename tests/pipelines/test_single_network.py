"""The pipeline `single_network` from a store to metrics and figures, on noise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from graft.compute import Compute
from graft.config.loader import GraftConfigLoader
from graft.images.store import ImageStore
from graft.models.weights import BackboneWeights
from graft.pipelines.single_network import create_pipeline

from ..end_to_end.project_copy import ROOT

FIGURES = {
    *("training_curves", "network_confusion_matrix", "per_class_scores", "roc_curves"),
    *("precision_recall_curves", "reliability_diagrams", "wrong_predictions", "prediction_grid"),
    *("first_layer_filters", "grad_cam"),
}


@pytest.fixture(scope="module")
def defaults() -> dict[str, Any]:
    loader = GraftConfigLoader(str(ROOT / "conf"), base_env="base", default_run_env="base")
    return dict(loader["parameters"])


def run(
    store: ImageStore,
    defaults: dict[str, Any],
    weights: BackboneWeights | None = None,
    *,
    drawn: bool = False,
    **changes: Any,
) -> dict[str, Any]:
    """What the pipeline makes with a network that takes milliseconds."""
    given = {name: dict(v) if isinstance(v, dict) else v for name, v in defaults.items()}
    given["model"] |= {"backbone": "fully_connected", "input_size": 8, "weights": "none"}
    given["model"] |= {"options": {"neurons": [16]}, **changes.get("model", {})}
    given["training"] |= {"epochs": 2, "batch_size": 12, **changes.get("training", {})}
    given["augmentation"]["policy"] = "none"
    given["compute"] |= {"device": "cpu", "threads": 1}
    given["evaluation"]["bootstrap_resamples"] = 20
    data = {
        "image_store": store,
        "dataset_card": {
            "data": store.digest,
            "channel_mean": [0.4] * 3,
            "channel_std": [0.2] * 3,
        },
        "pretrained_weights": weights,
        "training_state": None,
        **{f"params:{name}": value for name, value in given.items()},
    }
    for node in create_pipeline().nodes:
        if node.outputs[0] in FIGURES and not drawn:
            continue
        data |= node.run({name: data[name] for name in node.inputs})
    return data


def pretrained(store: ImageStore, made: dict[str, Any]) -> BackboneWeights:
    return BackboneWeights(made["best_checkpoint"].weights, "somewhere")


@pytest.fixture(scope="module")
def made(request: pytest.FixtureRequest, defaults: dict[str, Any]) -> dict[str, Any]:
    from ..conftest import make_store

    return run(make_store(), defaults, drawn=True, model={"freezing": "all_except_last"})


def test_without_weights_everything_is_trained_from_scratch(made):
    assert list(made["metrics"]) == ["from scratch"]
    metadata = made["best_checkpoint"].metadata
    assert metadata["initial_weights"] == "none"
    assert metadata["trainable_parameters"] == metadata["parameters"]
    summary = made["model_summary"].set_index("stage").loc["total"]
    assert summary["trainable_parameters"] == metadata["parameters"]
    assert len(made["training_history"]) == 2


def test_there_are_metrics_a_table_a_diagnosis_and_all_figures(made):
    assert set(made) >= FIGURES
    measured = made["metrics"]["from scratch"]
    table = made["comparison_table"].set_index("method")
    assert table.loc["from scratch", "accuracy"] == pytest.approx(measured["accuracy"]["value"])
    assert table.loc["from scratch", "epochs"] == 2
    assert made["calibration"]["method"] == "from scratch"
    assert made["calibration"]["validation_images"] == 12
    assert set(made["diagnosis"]) == {"from scratch"}
    assert set(made["network_predictions"]["method"]) == {"from scratch"}
    for name in FIGURES:
        assert made[name].axes or made[name].texts, name


def test_with_weights_it_is_fine_tuned_and_frozen_as_told(
    store, defaults, made, cpu: Compute, caplog
):
    weights = pretrained(store, made)
    caplog.set_level("INFO")
    tuned = run(store, defaults, weights, model={"freezing": "all_except_last"})
    assert list(tuned["metrics"]) == ["fine-tuned"]
    assert "fine-tuned: trained are the head; frozen fc1." in caplog.text
    metadata = tuned["best_checkpoint"].metadata
    assert metadata["trainable_parameters"] < metadata["parameters"]
    for name, before in weights.state.items():
        if "head" not in name:
            assert np.array_equal(tuned["best_checkpoint"].weights[name], before), name


def test_no_epoch_leaves_a_network_as_its_weights_made_it(store, defaults, made, cpu: Compute):
    before = run(store, defaults, pretrained(store, made), training={"epochs": 0})
    assert before["training_history"].empty
    assert before["comparison_table"].loc[0, "epochs"] == 0
    assert before["diagnosis"]["fine-tuned"]["verdict"] == "unknown"


def test_without_validation_images_the_last_epoch_counts(store, defaults, cpu: Compute):
    manifest = store.manifest.assign(split=store.manifest["split"].replace("validation", "train"))
    made = run(replace(store, manifest=manifest), defaults)
    last, best = made["last_checkpoint"].weights, made["best_checkpoint"].weights
    assert all(np.array_equal(last[name], best[name]) for name in last)
    assert made["calibration"]["validation_images"] == 0


def test_several_labels_are_judged_by_mean_average_precision(store, defaults, cpu: Compute):
    both = store.manifest["label"].where(store.manifest.index % 4 > 0, "green|red")
    manifest = store.manifest.assign(label=both, ignored="")
    made = run(replace(store, manifest=manifest, multi_label=True), defaults, drawn=True)
    measured = made["metrics"]["from scratch"]
    value = measured["mean_average_precision"]["value"]
    assert made["comparison_table"].loc[0, "mean_average_precision"] == pytest.approx(value)
    assert {"log_loss", "per_class"} <= set(measured)
    for name in FIGURES:
        assert made[name].axes or made[name].texts, name
