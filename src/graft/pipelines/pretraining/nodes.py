"""Nodes of `pretraining`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graft.pipelines.from_parameters import from_random_weights, train_from_parameters

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from graft.images.store import ImageStore
    from graft.training.checkpoint import Checkpoint
    from graft.training.state import StateKeeper

Params = dict[str, Any]

METHOD = "pretraining"


def pretrain(
    image_store: ImageStore,
    dataset_card: Params,
    pretraining_state: StateKeeper | None,
    model: Params,
    training: Params,
    augmentation: Params,
    compute: Params,
    seed: int,
    processes: Params,
) -> tuple[Checkpoint, pd.DataFrame]:
    """Train the backbone from random weights: checkpoint, history."""
    trained = train_from_parameters(
        METHOD,
        image_store,
        dataset_card,
        None,
        *from_random_weights(model, training),
        augmentation,
        compute,
        seed,
        processes,
        pretraining_state,
    )
    return trained.best, trained.history


def export_backbone(pretraining_checkpoint: Checkpoint) -> Checkpoint:
    """The same weights in half precision, which is how they are handed on."""
    from graft.training.checkpoint import in_half_precision

    return in_half_precision(pretraining_checkpoint)


def evaluate_backbone(
    backbone_weights: Checkpoint,
    image_store: ImageStore,
    compute: Params,
    evaluation: Params,
    seed: int,
) -> Params:
    """Metrics on the test images of what is handed on, so after rounding, in full precision."""
    from graft.compute import resolve_compute
    from graft.evaluation.inference import predict_with_network
    from graft.evaluation.metrics import classification_metrics
    from graft.training.checkpoint import restore_classifier

    predictions = predict_with_network(
        restore_classifier(backbone_weights),
        image_store,
        "test",
        resolve_compute(**{**compute, "precision": "fp32"}),
        METHOD,
    )
    return classification_metrics(
        predictions,
        resamples=evaluation["bootstrap_resamples"],
        confidence=evaluation["confidence"],
        seed=seed,
    )


def write_model_card(
    backbone_weights: Checkpoint,
    backbone_metrics: Params,
    dataset_card: Params,
    experiment: str,
) -> str:
    """What the weights are, what they were trained on, how, and how good they are."""
    from graft.models.card import model_card

    return model_card(backbone_weights.metadata, backbone_metrics, dataset_card, experiment)


def draw_pretraining_curves(pretraining_history: pd.DataFrame) -> Figure:
    """Loss and accuracy over the epochs."""
    from graft.evaluation.figures import training_curves

    return training_curves({METHOD: pretraining_history})


def draw_backbone_confusion(backbone_metrics: Params) -> Figure:
    """The confusion matrix on the test images."""
    from graft.evaluation.figures import confusion_matrix

    return confusion_matrix(backbone_metrics, METHOD)
