"""A training's curves in MLflow."""

from __future__ import annotations

import mlflow
import pytest

from graft.tracking.observer import MlflowObserver
from graft.training.loop import EpochRecord


def record(epoch: int) -> EpochRecord:
    return EpochRecord(
        epoch=epoch,
        train_loss=1.0 / epoch,
        train_accuracy=0.5,
        validation_loss=None,
        validation_accuracy=None,
        validation_mean_average_precision=None,
        learning_rate=0.1,
        images_per_second=100.0,
        seconds=1.0,
    )


def test_without_a_run_nothing_is_recorded(store):
    MlflowObserver("finetuned").on_epoch(record(1))
    assert mlflow.active_run() is None


def test_each_epoch_is_a_step_under_the_prefix(store):
    observer = MlflowObserver("finetuned")
    with mlflow.start_run() as run:
        observer.on_resume([record(1)], batches=3)  # a run that goes on shows the whole curve
        observer.on_epoch(record(2))
    mlflow.flush_async_logging()
    metrics = mlflow.get_run(run.info.run_id).data.metrics
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "finetuned/train_loss")
    assert [(point.step, point.value) for point in history] == [(1, 1.0), (2, 0.5)]
    assert metrics["finetuned/learning_rate"] == pytest.approx(0.1)
    assert not {name for name in metrics if "epoch" in name or "validation" in name}
