"""Nodes of `feature_extraction`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graft.pipelines.from_parameters import classifier_from_parameters

if TYPE_CHECKING:
    from graft.images.store import ImageStore
    from graft.models.weights import BackboneWeights
    from graft.probes.extraction import Features
    from graft.probes.feature_cache import FeatureCache


def extract(
    image_store: ImageStore,
    dataset_card: dict[str, Any],
    pretrained_weights: BackboneWeights | None,
    feature_cache: FeatureCache | None,
    model: dict[str, Any],
    features: dict[str, Any],
    compute: dict[str, Any],
    seed: int,
) -> Features:
    """Features of all images from the pretrained backbone, which stays as it is.

    What the cache knows of the same network and pixels is not computed again.

    The tap "logits" gives the outputs of the head that the weights came with, so the classes of
    the source task.
    """
    from graft.compute import resolve_compute
    from graft.models.classifier import build_pretrained
    from graft.probes.extraction import extract_features

    if "logits" in features["taps"] and pretrained_weights is not None:
        classifier = build_pretrained(
            model["backbone"], pretrained_weights, model["input_size"], model["options"]
        )
    else:
        classifier = classifier_from_parameters(
            image_store, dataset_card, pretrained_weights, model, seed
        )
    return extract_features(
        classifier,
        image_store,
        features["taps"],
        resolve_compute(**compute),
        grid=features["grid"],
        batch_size=features["batch_size"],
        cache=feature_cache,
    )
