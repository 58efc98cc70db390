"""Nodes of the helpers: the trainings of the first host, without anything to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graft.pipelines.pretraining.nodes import pretrain
from graft.pipelines.training.nodes import train_from_scratch, train_network

if TYPE_CHECKING:
    from graft.images.store import ImageStore
    from graft.models.weights import BackboneWeights

Params = dict[str, Any]


def help_from_scratch(image_store: ImageStore, dataset_card: Params, *parameters: Any) -> bool:
    """Take part in `train_from_scratch`; True when it is done."""
    train_from_scratch(image_store, dataset_card, None, *parameters)
    return True


def help_network(
    image_store: ImageStore,
    dataset_card: Params,
    pretrained_weights: BackboneWeights | None,
    *parameters: Any,
) -> bool:
    """Take part in `train_network`; True when it is done."""
    train_network(image_store, dataset_card, pretrained_weights, None, *parameters)
    return True


def help_transferred(from_scratch_done: bool, *inputs: Any) -> bool:
    """The same, where the first host does it after `train_from_scratch`."""
    return from_scratch_done and help_network(*inputs)


def help_pretraining(image_store: ImageStore, dataset_card: Params, *parameters: Any) -> bool:
    """Take part in `pretrain`; True when it is done."""
    pretrain(image_store, dataset_card, None, *parameters)
    return True
