"""A training's curves in MLflow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graft.training.loop import EpochRecord
    from graft.training.measures import RunningMeans


class MlflowObserver:
    """A `TrainingObserver` that records each epoch in the active run, or nothing without one.

    Metrics are named `<prefix>/<quantity>`, which MLflow's charts group by prefix. They are sent by
    a thread: a training does not wait for the tracking store (28 ms an epoch otherwise, or the
    length of an outage).
    """

    def __init__(self, prefix: str):
        self._prefix = prefix

    def on_start(self, epochs: int, batches: int) -> None: ...

    def on_resume(self, history: Sequence[EpochRecord], batches: int) -> None:
        """The curves of a run that goes on begin where those of the training did."""
        for record in history:
            self.on_epoch(record)

    def on_batch(self, means: RunningMeans) -> None: ...

    def on_epoch(self, record: EpochRecord) -> None:
        import mlflow

        if mlflow.active_run() is None:
            return
        values = dict(record.as_dict())
        epoch = int(values.pop("epoch"))
        metrics = {f"{self._prefix}/{name}": value for name, value in values.items()}
        mlflow.log_metrics(metrics, step=epoch, synchronous=False)

    def on_end(self) -> None: ...
