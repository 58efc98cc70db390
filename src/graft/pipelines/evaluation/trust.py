"""Nodes of `evaluation` that say how far to trust the fine-tuned network.

Both look at validation images: how sure the network may be, and what holds it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graft.pipelines.evaluation.nodes import predict_part
from graft.pipelines.methods import FINETUNED, SCRATCH
from graft.pipelines.same_data import require_same_data

if TYPE_CHECKING:
    import pandas as pd

    from graft.images.store import ImageStore
    from graft.training.checkpoint import Checkpoint

Params = dict[str, Any]


def predict_validation(
    best_checkpoint: Checkpoint, image_store: ImageStore, compute: Params
) -> pd.DataFrame:
    """What the fine-tuned network says of the validation images; empty where there are none."""
    return predict_validation_as(FINETUNED, best_checkpoint, image_store, compute)


def predict_validation_as(
    method: str, checkpoint: Checkpoint, image_store: ImageStore, compute: Params
) -> pd.DataFrame:
    """The same for a network of any name."""
    import pandas as pd

    require_same_data(image_store.digest, best_checkpoint=checkpoint.metadata)
    if not len(image_store.indices("validation")):
        return pd.DataFrame(columns=["method", "id"])
    return predict_part(method, checkpoint, image_store, "validation", compute)


def calibrate(
    validation_predictions: pd.DataFrame,
    network_predictions: pd.DataFrame,
    evaluation: Params,
    seed: int,
) -> Params:
    """The temperature fitted on validation images, and what it mends on test images."""
    from graft.evaluation.calibration import calibration_metrics
    from graft.evaluation.predictions import Predictions

    known = not validation_predictions.empty
    return calibration_metrics(
        Predictions.from_frame(validation_predictions) if known else None,
        Predictions.from_frame(network_predictions),
        resamples=evaluation["bootstrap_resamples"],
        confidence=evaluation["confidence"],
        seed=seed,
    )


def diagnose(
    training_history: pd.DataFrame,
    scratch_history: pd.DataFrame,
    image_store: ImageStore,
    evaluation: Params,
) -> Params:
    """Bias or variance: for each of the two trainings a verdict and a sentence."""
    histories = {FINETUNED: training_history, SCRATCH: scratch_history}
    return diagnose_histories(histories, image_store, evaluation)


def diagnose_histories(
    histories: Mapping[str, pd.DataFrame], image_store: ImageStore, evaluation: Params
) -> Params:
    """The same for trainings by the names of their methods."""
    from graft.evaluation.baselines import majority_share
    from graft.evaluation.diagnosis import diagnose_history

    labels = image_store.labels("validation")
    return {
        method: diagnose_history(
            history,
            majority_share(labels),
            images=len(labels),
            confidence=evaluation["confidence"],
        ).to_json()
        for method, history in histories.items()
    }
