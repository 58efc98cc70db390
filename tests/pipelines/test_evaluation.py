"""From predictions to metrics, table and figures, of one and of several labels."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest

from graft.evaluation import Predictions
from graft.pipelines.evaluation import nodes
from graft.pipelines.methods import FINETUNED, KNN, LINEAR_PROBE, SCRATCH, SVM
from graft.tracking.records import record_metrics

METHODS = (FINETUNED, SVM, LINEAR_PROBE, KNN, SCRATCH)
CLASSES = ("cat", "dog", "person")
CHECKPOINT: Any = SimpleNamespace(
    metadata={
        "train_seconds": 3.0,
        "parameters": 20,
        "trainable_parameters": 10,
        "trained_epochs": 2,
    }
)
SUMMARY = pd.DataFrame({"stage": ["head", "total"], "multiply_accumulates": [5, 1500]})
EVALUATION = {"bootstrap_resamples": 20, "confidence": 0.95}


def machine(positive_class: str | None = None) -> Any:
    return SimpleNamespace(metadata={"recipe": {"positive_class": positive_class}, "seconds": 0.5})


def several(method: str, images: int = 60) -> Predictions:
    rng = np.random.default_rng(0)
    labels = rng.integers(-1, 2, (images, 3))
    values = 3.0 * labels + np.random.default_rng(len(method)).normal(size=labels.shape)
    of_machine = method == SVM
    scores = values if of_machine else 1 / (1 + np.exp(-values))
    threshold = 0.0 if of_machine else 0.5
    ids = [f"image {k}" for k in range(images)]
    return Predictions(method, ids, labels, scores, CLASSES, 0.1, threshold=threshold)


def one(method: str, images: int = 60) -> Predictions:
    rng = np.random.default_rng(len(method))
    labels = np.arange(images) % 3
    scores = rng.dirichlet([1, 1, 1], images) + np.eye(3)[labels] / 4
    return Predictions(method, np.arange(images), labels, scores / 1.25, CLASSES, 0.1)


def compared(
    predictions: list[Predictions], positive_class: str | None = None
) -> tuple[dict[str, Any], pd.DataFrame]:
    frames = [p.to_frame() for p in predictions]
    fitted = machine(positive_class)
    return nodes.compare(
        *frames, CHECKPOINT, CHECKPOINT, fitted, fitted, fitted, SUMMARY, EVALUATION, seed=0
    )


@pytest.mark.parametrize(
    ("predict", "measure"), [(one, "accuracy"), (several, "mean_average_precision")]
)
def test_either_task_gives_metrics_a_table_and_all_figures(predict: Any, measure: str) -> None:
    predictions = [predict(method) for method in METHODS]
    metrics, table = compared(predictions)
    assert tuple(metrics) == METHODS
    json.dumps(metrics, allow_nan=False)
    assert [metrics[method][measure]["value"] for method in METHODS] == pytest.approx(
        table[measure].tolist()[:5]
    )
    assert table["train_seconds"].tolist()[:5] == [3.0, 0.5, 0.5, 0.5, 3.0]
    assert table["multiply_accumulates"].tolist()[:5:4] == [1500, 1500]
    images = np.zeros((60, 8, 8, 3), dtype=np.uint8)
    store: Any = SimpleNamespace(images=images, indices=lambda split: np.arange(60))
    figures = [
        *nodes.draw_confusion_matrices(metrics),
        nodes.draw_comparison(table),
        nodes.draw_costs(table),
        nodes.draw_per_class_scores(metrics),
        nodes.draw_roc_curves(metrics),
        nodes.draw_precision_recall_curves(metrics),
        nodes.draw_wrong_predictions(store, predictions[0].to_frame()),
    ]
    assert all(figure.axes for figure in figures)


def test_mlflow_gets_the_scores_over_all_classes_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logged: dict[str, float] = {}
    monkeypatch.setattr(mlflow, "log_metrics", logged.update)
    metrics, _ = compared([several(method) for method in METHODS])
    record_metrics({"test": metrics})
    of_the_network = {
        name.removeprefix("test/fine-tuned/")
        for name in logged
        if name.startswith("test/fine-tuned/")
    }
    scores = {"mean_average_precision", "macro_f1", "micro_f1", "label_accuracy", "exact_match"}
    scores |= {"weighted_f1", "log_loss", "brier", "ece", "roc_auc", "average_precision"}
    ends = {f"{score}_{end}" for score in scores for end in ("low", "high")}
    assert of_the_network == scores | ends | {"mean_average_precision_11_point"}
    assert "test/SVM on frozen features/log_loss" not in logged
    value = metrics["from scratch"]["mean_average_precision"]["value"]
    assert logged["test/from scratch/mean_average_precision"] == value


def test_where_the_machine_is_binary_the_task_is_for_all() -> None:
    network, *others, scratch = (several(m) for m in METHODS if m != SVM)
    of_machine = several(SVM).as_binary("dog")
    metrics, table = compared([network, of_machine, *others, scratch], positive_class="dog")
    counted = int((network.labels[:, 1] >= 0).sum())
    assert table["test_images"].tolist() == [counted] * 6
    assert table["method"].tolist()[-1] == "majority class"
    assert metrics[FINETUNED]["positive_class"] == "dog"
    assert metrics[FINETUNED]["class_names"] == ["rest", "dog"]
