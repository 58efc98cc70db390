"""Nodes of `explanation` and `label_audit`, on one and on several labels."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from graft.errors import GraftError
from graft.evaluation import Predictions
from graft.images.store import ImageStore
from graft.models.classifier import build_classifier
from graft.pipelines.evaluation.nodes import draw_reliability_diagrams
from graft.pipelines.explanation import nodes
from graft.pipelines.label_audit import nodes as audit
from graft.probes.extraction import Features
from graft.training.checkpoint import Checkpoint, make_checkpoint

COMPUTE = {"device": "cpu", "precision": "fp32", "threads": 1}
AUDIT = {"folds": 3, "regularisation": 0.1}


def checkpoint(store: ImageStore, backbone: str = "resnet20_cifar", size: int = 16) -> Checkpoint:
    model = build_classifier(
        backbone, store.class_names, None, dataset_mean=(0.5,) * 3, dataset_std=(0.5,) * 3,
        input_size=size,
    )  # fmt: skip
    return make_checkpoint(model, model.net.state_dict(), data=store.digest)


def predictions(store: ImageStore) -> Predictions:
    rows = store.indices("test")
    scores = np.random.default_rng(0).dirichlet([1] * store.num_classes, len(rows))
    return Predictions(
        "fine-tuned",
        store.manifest["id"].to_numpy(dtype=str)[rows],
        store.labels("test"),
        scores,
        store.class_names,
        0.1,
        threshold=0.5 if store.multi_label else None,
    )


def features(store: ImageStore) -> Features:
    rows = np.arange(len(store.images))
    return Features(
        store.images.reshape(len(rows), -1).astype(np.float32),
        store.manifest["id"].to_numpy(dtype=str),
        store.targets,
        store.manifest["split"].to_numpy(dtype=str),
        store.class_names,
        {"backbone": "pixels", "taps": ["pooled"], "data": store.digest},
    )


@pytest.fixture
def several(store: ImageStore) -> ImageStore:
    """The same images, a third of them with two labels."""
    manifest = store.manifest.assign(ignored="")
    manifest.loc[::3, "label"] = "red|green"
    return replace(store, manifest=manifest, multi_label=True)


@pytest.mark.parametrize("task", ["store", "several"])
def test_all_figures_are_drawn_for_either_task(task: str, request: pytest.FixtureRequest) -> None:
    store = request.getfixturevalue(task)
    frame, best = predictions(store).to_frame(), checkpoint(store)
    figures = [
        nodes.draw_prediction_grid(store, frame, seed=0),
        nodes.draw_filters(best),
        nodes.draw_grad_cam(best, store, frame, COMPUTE, seed=0),
        nodes.draw_feature_map(features(store), seed=0),
    ]
    assert all(figure.axes for figure in figures)


def test_heat_maps_are_of_the_predicted_class_and_mistakes_come_first(store: ImageStore) -> None:
    given = predictions(store)
    figure = nodes.draw_grad_cam(checkpoint(store), store, given.to_frame(), COMPUTE, seed=0)
    titles = [axes.get_title(loc="left") for axes in figure.axes if len(axes.images) == 1]
    wrong = np.flatnonzero(~given.correct)
    surest = wrong[given.scores.max(axis=1)[wrong].argmax()]
    name = given.class_names[given.predicted[surest]]
    true = given.class_names[given.labels[surest]]
    assert titles[0] == f"{name} ({given.scores[surest].max():.2f})\nis {true}"
    claims = [(title.split(" ")[0], title.rpartition(" ")[2]) for title in titles]
    mistakes = [said != shown for said, shown in claims]
    assert mistakes == sorted(mistakes, reverse=True)


def test_a_network_without_positions_gets_a_sentence(store: ImageStore) -> None:
    best = checkpoint(store, "fully_connected", size=8)
    figure = nodes.draw_grad_cam(best, store, predictions(store).to_frame(), COMPUTE, seed=0)
    assert "not available for fully_connected" in figure.texts[0].get_text()


def test_a_checkpoint_of_other_images_is_refused(store: ImageStore) -> None:
    other = SimpleNamespace(metadata={"data": "other"})
    with pytest.raises(GraftError):
        nodes.draw_grad_cam(other, store, predictions(store).to_frame(), COMPUTE, 0)  # type: ignore[arg-type]


def test_a_feature_map_of_too_few_images_is_a_sentence(store: ImageStore) -> None:
    few = features(store)
    few.splits[few.splits == "test"] = "unused"
    assert "fewer than three" in nodes.draw_feature_map(few, seed=0).texts[0].get_text()


def test_a_wrong_label_is_found_and_shown(store: ImageStore) -> None:
    labels = store.manifest["label"].copy()
    wrong = store.indices("train")[5]
    labels.iloc[wrong] = "red" if labels.iloc[wrong] != "red" else "blue"
    mislabelled = replace(store, manifest=store.manifest.assign(label=labels))
    found = audit.audit_labels(features(mislabelled), mislabelled, AUDIT, seed=0)
    assert found["id"].iloc[0] == store.manifest["id"].iloc[wrong]
    assert found["suggested"].iloc[0] == store.manifest["label"].iloc[wrong]
    figure = audit.draw_suspicious_labels(found, mislabelled)
    shown = next(axes for axes in figure.axes if axes.images)
    np.testing.assert_array_equal(shown.images[0].get_array(), store.images[wrong])


def test_features_of_other_images_are_refused(store: ImageStore) -> None:
    other: Any = replace(features(store), metadata={"data": "other"})
    with pytest.raises(GraftError):
        audit.audit_labels(other, store, AUDIT, seed=0)


def test_reliability_is_also_drawn_at_the_fitted_temperature() -> None:
    bins = {"confidence": [0.5], "accuracy": [0.6], "count": [10]}
    calibration: dict[str, Any] = {
        "method": "fine-tuned",
        "temperature": 1.25,
        "validation_images": 80,
        "uncalibrated": {"reliability": bins},
        "calibrated": {"reliability": bins},
    }
    metrics = {"fine-tuned": {"reliability": bins}, "SVM": {}}

    def panels() -> list[str]:
        axes = draw_reliability_diagrams(metrics, calibration).axes
        return [panel.get_title(loc="left").split("\n")[0] for panel in axes]

    assert panels() == ["fine-tuned", "fine-tuned, temperature 1.25"]
    calibration["uncalibrated"] = {"reliability": {**bins, "count": [9]}}  # of all classes
    assert panels() == ["fine-tuned"]
    calibration |= {"validation_images": 0, "uncalibrated": metrics["fine-tuned"]}
    assert panels() == ["fine-tuned"]  # nothing was fitted
