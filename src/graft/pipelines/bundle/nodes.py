"""Nodes of `bundle`, `svm_bundle` and `linear_probe_bundle`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graft.pipelines.from_parameters import backbone_from_parameters
from graft.pipelines.methods import LINEAR_PROBE, SVM
from graft.pipelines.same_data import require_same_data

if TYPE_CHECKING:
    import pandas as pd

    from graft.bundle import Bundle
    from graft.images.store import ImageStore
    from graft.models.weights import BackboneWeights
    from graft.probes.linear_probe import LinearProbe
    from graft.probes.svm import SVMClassifier
    from graft.training.checkpoint import Checkpoint

Params = dict[str, Any]


def bundle_network(
    best_checkpoint: Checkpoint,
    image_store: ImageStore,
    network_predictions: pd.DataFrame,
    calibration: Params,
    metrics: Params,
    dataset_card: Params,
    run_origin: Params,
    images: Params,
    compute: Params,
) -> Bundle:
    """The trained network with all that it takes to use it."""
    from graft.bundle import Bundle, Transform
    from graft.compute import resolve_compute

    require_same_data(image_store.digest, best_checkpoint=best_checkpoint.metadata)
    bundle = Bundle(
        name=run_origin["experiment"],
        method=calibration["method"],
        transform=Transform(images["size"], images["max_pixels"]),
        network=best_checkpoint,
        class_names=image_store.class_names,
        thresholds=(0.5,) * image_store.num_classes if image_store.multi_label else None,
        temperature=calibration["temperature"],
        provenance=_provenance(run_origin, best_checkpoint.metadata),
        compute=resolve_compute(**compute),
    )
    return _tried_and_described(
        bundle, image_store, network_predictions, metrics[bundle.method], dataset_card
    )


def bundle_probe(
    probe: SVMClassifier | LinearProbe,
    pretrained_weights: BackboneWeights | None,
    image_store: ImageStore,
    predictions: pd.DataFrame,
    metrics: Params,
    dataset_card: Params,
    run_origin: Params,
    model: Params,
    features: Params,
    images: Params,
    compute: Params,
    seed: int,
) -> Bundle:
    """The support vector machine or linear probe, with the network whose features it reads."""
    from graft.bundle import Bundle, Probe, Transform
    from graft.compute import resolve_compute
    from graft.probes.linear_probe import LinearProbe
    from graft.training.checkpoint import make_checkpoint

    if isinstance(probe, LinearProbe):
        method, threshold, several = LINEAR_PROBE, 0.5, image_store.multi_label
        require_same_data(image_store.digest, linear_probe=probe.metadata)
    else:
        # A binary machine of a multi-label task decides for one of two classes.
        binary = probe.metadata["recipe"]["positive_class"] is not None
        method, threshold, several = SVM, 0.0, image_store.multi_label and not binary
        require_same_data(image_store.digest, svm=probe.metadata)
    network = backbone_from_parameters(
        image_store, dataset_card, pretrained_weights, model, features["taps"], seed
    )
    trained = {**probe.metadata, "initial_weights": model["weights"]}
    bundle = Bundle(
        name=run_origin["experiment"],
        method=method,
        transform=Transform(images["size"], images["max_pixels"]),
        network=make_checkpoint(network, network.net.state_dict()),
        class_names=probe.class_names,
        thresholds=(threshold,) * len(probe.class_names) if several else None,
        probe=Probe(probe, tuple(features["taps"]), features["grid"]),
        provenance=_provenance(run_origin, trained),
        compute=resolve_compute(**compute),
    )
    return _tried_and_described(bundle, image_store, predictions, metrics[method], dataset_card)


def _provenance(run_origin: Params, trained: Params) -> Params:
    """What can be looked up when somebody asks in a year."""
    from datetime import UTC, datetime

    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": run_origin["command"],
        "git_commit": run_origin["git_commit"],
        "data": trained["data"],
        "seed": trained["seed"],
        "initial_weights": trained["initial_weights"],
        **run_origin["versions"],
    }


def _tried_and_described(
    bundle: Bundle,
    image_store: ImageStore,
    predictions: pd.DataFrame,
    metrics: Params,
    dataset_card: Params,
) -> Bundle:
    from graft.bundle.card import bundle_card
    from graft.bundle.parity import require_same_answers
    from graft.evaluation.predictions import Predictions

    require_same_answers(bundle, image_store, Predictions.from_frame(predictions))
    return replace(bundle, card=bundle_card(bundle, metrics, dataset_card))
