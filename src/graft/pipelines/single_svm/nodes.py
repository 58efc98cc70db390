"""Nodes of `single_svm`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graft.pipelines.evaluation.nodes import measure

if TYPE_CHECKING:
    import pandas as pd

    from graft.probes.svm import SVMClassifier

Params = dict[str, Any]


def evaluate(
    svm_predictions: pd.DataFrame, svm: SVMClassifier, evaluation: Params, seed: int
) -> tuple[Params, pd.DataFrame]:
    """Metrics with intervals, and a table of the machine and of an answer that knows no image."""
    from graft.evaluation.predictions import Predictions

    predictions = Predictions.from_frame(svm_predictions)
    details = {predictions.method: {"train_seconds": svm.metadata["seconds"]}}
    return measure([predictions], details, evaluation, seed)
