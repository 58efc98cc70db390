"""From catalog data and parameter dictionaries to the library's objects, for several pipelines."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from graft.errors import GraftError
from graft.pipelines.same_data import require_same_data

if TYPE_CHECKING:
    from graft.images.store import ImageStore
    from graft.models.classifier import Classifier
    from graft.models.weights import BackboneWeights
    from graft.training.loop import TrainingObserver
    from graft.training.session import TrainedClassifier
    from graft.training.state import StateKeeper

Params = dict[str, Any]

logger = logging.getLogger(__name__)


def classifier_from_parameters(
    image_store: ImageStore,
    dataset_card: Params,
    weights: BackboneWeights | None,
    model: Params,
    seed: int,
) -> Classifier:
    """The network of the `model` parameters with a head for the store's classes, frozen as told."""
    from graft.models.tracing import require_image_size

    require_same_data(image_store.digest, dataset_card=dataset_card)
    mean, std = dataset_card["channel_mean"], dataset_card["channel_std"]
    classifier = _build(model, image_store.class_names, weights, mean, std, seed)
    require_image_size(classifier, image_store.images.shape[1])
    return classifier


def backbone_from_parameters(
    image_store: ImageStore,
    dataset_card: Params,
    weights: BackboneWeights | None,
    model: Params,
    taps: Sequence[str],
    seed: int,
) -> Classifier:
    """The network that features are taken from: as its pretrained weights made it.

    The tap "logits" gives the outputs of the head that the weights came with, so the classes of
    the source task.
    """
    from graft.models.classifier import build_pretrained

    if "logits" in taps and weights is not None:
        return build_pretrained(model["backbone"], weights, model["input_size"], model["options"])
    model = {**model, "lora_rank": None}
    return classifier_from_parameters(image_store, dataset_card, weights, model, seed)


def train_from_parameters(
    method: str,
    image_store: ImageStore,
    dataset_card: Params,
    weights: BackboneWeights | None,
    model: Params,
    training: Params,
    augmentation: Params,
    compute: Params,
    seed: int,
    processes: Params,
    keeper: StateKeeper | None,
    observers: Sequence[TrainingObserver] | None = None,
) -> TrainedClassifier:
    """Build and train a network under the name `method`.

    It is watched by `observers`; None is a progress bar and MLflow.
    """
    from graft.compute import resolve_compute
    from graft.images.augmentation import policy_from_parameters
    from graft.models.workload import workload_of
    from graft.tracking.observer import MlflowObserver
    from graft.training.distributed.meeting import Processes, find_meeting
    from graft.training.progress import TrainingProgress
    from graft.training.recipe import TrainingRecipe
    from graft.training.session import train_classifier

    classifier = classifier_from_parameters(image_store, dataset_card, weights, model, seed)
    if frozen := classifier.frozen_stages():
        trained = [stage for stage in classifier.stage_names() if stage not in frozen]
        logger.info(
            "%s: trained are %s; frozen %s.",
            method,
            ", ".join([*trained, "the head"]),
            ", ".join(frozen),
        )
    workload = workload_of(classifier, image_store.images.shape[1])
    if observers is None:
        observers = [TrainingProgress(method), MlflowObserver(prefix=method)]
    return train_classifier(
        classifier,
        image_store,
        TrainingRecipe(**training),
        policy_from_parameters(augmentation),
        resolve_compute(**compute, workload=workload),
        seed,
        observers=observers,
        initial_weights=weights.origin if weights else "none",
        keeper=keeper,
        processes=Processes(
            processes["per_host"],
            find_meeting(processes["hosts"], processes["rendezvous"], method),
            processes["timeout"],
        ),
    )


def from_random_weights(model: Params, training: Params) -> tuple[Params, Params]:
    """The two sections of parameters without what only makes sense for a pretrained network."""
    return (
        {**model, "freezing": "none", "lora_rank": None},
        {**training, "unfreezing": {}, "l2_sp": None},
    )


def require_buildable(
    model: Params,
    taps: Sequence[str],
    training: Params | None = None,
    scratch: Params | None = None,
    *,
    download: bool = True,
) -> None:
    """Build the network once before anything runs: what does not fit shows within a second.

    Args:
        model: The `model` parameters.
        taps: Where features will be tapped; empty where none will be.
        training: The `training` parameters; None where nothing will be trained.
        scratch: The `scratch` parameters, which differ from those; None where nothing will be
            trained from scratch beside it.
        download: Whether to fetch published weights that do not lie here; else the network is
            built without them.

    Raises:
        GraftError: The backbone, its weights, input size, frozen stages or taps are not to be had,
            the training names stages that there are not, or without weights nothing could differ
            from scratch.
    """
    from graft.models.weights import are_to_be_downloaded, load_weights
    from graft.probes.extraction import require_taps
    from graft.training.optimization import require_trainable
    from graft.training.recipe import TrainingRecipe

    is_pretrained = model["weights"] != "none"
    if scratch is not None and not is_pretrained:
        raise GraftError(
            "model.weights: none leaves nothing to transfer and to compare with training from "
            "scratch. `kedro run --pipeline=single_network` trains a network from random weights "
            "alone."
        )
    weights = None
    if download or not are_to_be_downloaded(model["backbone"], model["weights"]):
        weights = load_weights(model["backbone"], model["weights"])
    classifier = _build(model, ["any", "other"], weights, [0.5] * 3, [0.25] * 3, seed=0)
    if training is not None:
        require_trainable(classifier, TrainingRecipe(**training), is_pretrained=is_pretrained)
    if taps:
        require_taps(classifier, taps)
    if training is not None and scratch is not None:
        model, training = from_random_weights(model, {**training, **scratch})
        classifier = _build(model, ["any", "other"], None, [0.5] * 3, [0.25] * 3, seed=0)
        try:
            require_trainable(classifier, TrainingRecipe(**training), is_pretrained=False)
        except GraftError as error:
            raise GraftError(f"With what `scratch` says instead of `training`: {error}") from error


def _build(
    model: Params,
    class_names: Sequence[str],
    weights: BackboneWeights | None,
    mean: Sequence[float],
    std: Sequence[float],
    seed: int,
) -> Classifier:
    from graft.models.classifier import build_classifier
    from graft.models.heads import Head
    from graft.models.lora import LoRA

    classifier = build_classifier(
        model["backbone"],
        class_names,
        weights,
        dataset_mean=mean,
        dataset_std=std,
        normalisation=model["normalisation"],
        input_size=model["input_size"],
        options=model["options"],
        head=Head(model["head_hidden"], model["head_dropout"]),
        lora=LoRA(model["lora_rank"], model["lora_alpha"]) if model["lora_rank"] else None,
        seed=seed,
    )
    classifier.freeze(model["freezing"])
    return classifier
