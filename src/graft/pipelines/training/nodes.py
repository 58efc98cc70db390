"""Nodes of `training`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graft.pipelines.from_parameters import (
    classifier_from_parameters,
    from_random_weights,
    train_from_parameters,
)
from graft.pipelines.methods import FINETUNED, SCRATCH

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from graft.images.store import ImageStore
    from graft.models.weights import BackboneWeights
    from graft.training.checkpoint import Checkpoint
    from graft.training.state import StateKeeper

Params = dict[str, Any]


def train_network(
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
    """Train one network: best checkpoint, last checkpoint, history.

    One with pretrained weights is "fine-tuned"; without, it is trained "from scratch", nothing
    frozen.
    """
    if pretrained_weights is None:
        model, training = from_random_weights(model, training)
    trained = train_from_parameters(
        FINETUNED if pretrained_weights else SCRATCH,
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
    """Train the network of `model` from random weights, nothing frozen: checkpoint, history."""
    trained = train_from_parameters(
        SCRATCH,
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


def summarise_network(
    image_store: ImageStore,
    dataset_card: Params,
    pretrained_weights: BackboneWeights | None,
    model: Params,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Output shapes, parameters and multiply-accumulates: stage by stage, and layer by layer."""
    from graft.models.summary import layer_summary, stage_summary

    if pretrained_weights is None:
        model, _ = from_random_weights(model, {})
    classifier = classifier_from_parameters(
        image_store, dataset_card, pretrained_weights, model, seed
    )
    size = image_store.images.shape[1]
    return stage_summary(classifier, size), layer_summary(classifier, size)


def draw_training_curves(training_history: pd.DataFrame, scratch_history: pd.DataFrame) -> Figure:
    """Loss and accuracy over the epochs, transferred and from scratch."""
    from graft.evaluation.figures import training_curves

    return training_curves({FINETUNED: training_history, SCRATCH: scratch_history})
