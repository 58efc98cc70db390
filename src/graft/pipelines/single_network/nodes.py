"""Nodes of `single_network`: those of other pipelines, for a network of either origin.

With pretrained weights the network is "fine-tuned"; with `model.weights: none` it is trained "from
scratch", nothing frozen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graft.pipelines.evaluation.nodes import measure, predict_part, training_details
from graft.pipelines.evaluation.trust import diagnose_histories, predict_validation_as
from graft.pipelines.methods import FINETUNED, SCRATCH
from graft.pipelines.same_data import require_same_data

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from graft.images.store import ImageStore
    from graft.training.checkpoint import Checkpoint

Params = dict[str, Any]


def predict_test(
    best_checkpoint: Checkpoint, image_store: ImageStore, compute: Params
) -> pd.DataFrame:
    """What the network says of the test images, which are looked at here for the first time."""
    require_same_data(image_store.digest, best_checkpoint=best_checkpoint.metadata)
    return predict_part(_method(best_checkpoint), best_checkpoint, image_store, "test", compute)


def predict_validation(
    best_checkpoint: Checkpoint, image_store: ImageStore, compute: Params
) -> pd.DataFrame:
    """What it says of the validation images; empty where there are none."""
    return predict_validation_as(_method(best_checkpoint), best_checkpoint, image_store, compute)


def evaluate(
    network_predictions: pd.DataFrame,
    best_checkpoint: Checkpoint,
    model_summary: pd.DataFrame,
    evaluation: Params,
    seed: int,
) -> tuple[Params, pd.DataFrame]:
    """Metrics with intervals, and a table of the network and of an answer that knows no image."""
    from graft.evaluation.predictions import Predictions

    predictions = Predictions.from_frame(network_predictions)
    details = {predictions.method: training_details(best_checkpoint, model_summary)}
    return measure([predictions], details, evaluation, seed)


def diagnose(
    training_history: pd.DataFrame,
    best_checkpoint: Checkpoint,
    image_store: ImageStore,
    evaluation: Params,
) -> Params:
    """Bias or variance: a verdict and a sentence."""
    histories = {_method(best_checkpoint): training_history}
    return diagnose_histories(histories, image_store, evaluation)


def draw_training_curves(training_history: pd.DataFrame, best_checkpoint: Checkpoint) -> Figure:
    """Loss and accuracy (mean average precision) over the epochs."""
    from graft.evaluation.figures import training_curves

    return training_curves({_method(best_checkpoint): training_history})


def draw_confusion_matrix(metrics: Params) -> Figure:
    """The network's decisions, class by class."""
    from graft.evaluation.figures import confusion_matrix

    ((method, measured),) = metrics.items()
    return confusion_matrix(measured, method)


def _method(checkpoint: Checkpoint) -> str:
    return SCRATCH if checkpoint.metadata["initial_weights"] == "none" else FINETUNED
