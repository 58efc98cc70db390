"""Nodes of `feature_extraction`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graft.pipelines.from_parameters import backbone_from_parameters

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
    """
    from graft.compute import resolve_compute
    from graft.models.workload import workload_of
    from graft.probes.extraction import extract_features

    classifier = backbone_from_parameters(
        image_store, dataset_card, pretrained_weights, model, features["taps"], seed
    )
    return extract_features(
        classifier,
        image_store,
        features["taps"],
        resolve_compute(**compute, workload=workload_of(classifier, image_store.images.shape[1])),
        grid=features["grid"],
        batch_size=features["batch_size"],
        cache=feature_cache,
    )
