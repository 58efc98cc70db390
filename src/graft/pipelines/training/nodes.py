"""Nodes of `training`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graft.pipelines.from_parameters import (
    classifier_from_parameters,
    from_random_weights,
    train_from_parameters,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from graft.images.store import ImageStore
    from graft.models.weights import BackboneWeights
    from graft.training.checkpoint import Checkpoint
    from graft.training.state import StateKeeper

Params = dict[str, Any]


def train_transferred(
    image_store: ImageStore,
    dataset_card: Params,
    pretrained_weights: BackboneWeights | None,
    training_state: StateKeeper | None,
    model: Params,
    training: Params,
    augmentation: Params,
    compute: Params,
    seed: int,
    processes: Params,
) -> tuple[Checkpoint, Checkpoint, pd.DataFrame]:
    """Fine-tune the pretrained network: best checkpoint, last checkpoint, history."""
    trained = train_from_parameters(
        "fine-tuned",
        image_store,
        dataset_card,
        pretrained_weights,
        model,
        training,
        augmentation,
        compute,
        seed,
        processes,
        training_state,
    )
    return trained.best, trained.last, trained.history


def train_from_scratch(
    image_store: ImageStore,
    dataset_card: Params,
    scratch_state: StateKeeper | None,
    model: Params,
    training: Params,
    scratch: Params,
    augmentation: Params,
    compute: Params,
    seed: int,
    processes: Params,
) -> tuple[Checkpoint, pd.DataFrame]:
    """Train the same network from random weights, nothing frozen: checkpoint, history."""
    trained = train_from_parameters(
        "from scratch",
        image_store,
        dataset_card,
        None,
        *from_random_weights(model, {**training, **scratch}),
        augmentation,
        compute,
        seed,
        processes,
        scratch_state,
    )
    return trained.best, trained.history


def summarise_model(
    image_store: ImageStore,
    dataset_card: Params,
    pretrained_weights: BackboneWeights | None,
    model: Params,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Output shapes, parameters and multiply-accumulates: stage by stage, and layer by layer."""
    from graft.models.summary import layer_summary, stage_summary

    classifier = classifier_from_parameters(
        image_store, dataset_card, pretrained_weights, model, seed
    )
    size = image_store.images.shape[1]
    return stage_summary(classifier, size), layer_summary(classifier, size)


def draw_training_curves(training_history: pd.DataFrame, scratch_history: pd.DataFrame) -> Figure:
    """Loss and accuracy over the epochs, transferred and from scratch."""
    from graft.evaluation.figures import training_curves

    return training_curves({"fine-tuned": training_history, "from scratch": scratch_history})
