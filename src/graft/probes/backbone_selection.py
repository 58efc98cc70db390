"""Which backbone suits these images? Cheap scores of its features, before any fine-tuning.

Three scores of the same features: the accuracy of a linear probe and of nearest neighbours on
images that they were not fitted to (cross-validation), and LogME. Beside them what the network
costs. Candidates are ranked by the linear probe, which of the three comes nearest to fine-tuning
(Kornblith, Shlens and Le 2019, Do better ImageNet models transfer better?). Test images are not
looked at.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.errors import GraftError
from graft.probes.extraction import extract_features
from graft.probes.knn import KNNRecipe, cross_validate_knn
from graft.probes.linear_probe import LinearProbeRecipe, cross_validate_probe
from graft.probes.logme import logme
from graft.probes.search import chosen

if TYPE_CHECKING:
    import pandas as pd

    from graft.compute import Compute
    from graft.images.store import ImageStore
    from graft.models.classifier import Classifier
    from graft.models.weights import BackboneWeights
    from graft.probes.feature_cache import FeatureCache

logger = logging.getLogger(__name__)

PARTS = ("train", "validation")
_NUMBERS = (
    *("linear_probe", "linear_probe_deviation", "knn", "knn_deviation", "logme"),
    *("feature_dimensions", "parameters", "multiply_accumulates", "seconds_per_1000_images"),
)


@dataclass(frozen=True)
class Candidate:
    """A backbone to try.

    Attributes:
        backbone: Its name.
        weights: What its weights are called.
        load: Loads them.
        input_size: Pixels; None takes images as stored.
    """

    backbone: str
    weights: str
    load: Callable[[], BackboneWeights | None]
    input_size: int | None = None


def rank_backbones(
    candidates: Sequence[Candidate],
    store: ImageStore,
    *,
    dataset_mean: Sequence[float],
    dataset_std: Sequence[float],
    taps: Sequence[str],
    images: int | None,
    folds: int,
    compute: Compute,
    cache: FeatureCache | None,
    seed: int,
) -> pd.DataFrame:
    """Score candidates on the training and validation images.

    Args:
        candidates: Backbones with weights.
        store: The images.
        dataset_mean: Channel means, for networks without weights.
        dataset_std: Standard deviations likewise.
        taps: Where features are taken.
        images: At most so many, drawn at random; None for all.
        folds: Of cross-validation.
        compute: Device and precision.
        cache: Where features may be known; or None.
        seed: Of the draw, the folds and random weights.

    Returns:
        The best first: rank, backbone, weights, input_size (of the images as they enter), images,
        measure ("accuracy" or "average_precision"), linear_probe and knn (means over folds, each
        with its deviation, at the best C and number of neighbours), logme, feature_dimensions,
        parameters (without a head), multiply_accumulates and seconds_per_1000_images (of
        extraction, when it was done), and problem: why a candidate could not be tried, which then
        stands last without rank.
    """
    import pandas as pd

    chosen_store = _some_images(store, images, seed)
    rows = []
    for candidate in candidates:
        row: dict[str, Any] = {
            "backbone": candidate.backbone,
            "weights": candidate.weights,
            "input_size": candidate.input_size or store.images.shape[1],
        }
        try:
            model = _build(candidate, chosen_store, dataset_mean, dataset_std, seed)
            row |= _score(model, chosen_store, taps, folds, compute, cache, seed)
        except GraftError as error:
            logger.warning("%s with %s: %s", candidate.backbone, candidate.weights, error)
            row["problem"] = str(error)
        rows.append(row)
    columns = ["backbone", "weights", "input_size", "images", "measure", *_NUMBERS, "problem"]
    table = pd.DataFrame(rows, columns=columns)
    words = {name: table[name].astype(object).fillna("") for name in ("measure", "problem")}
    table = table.astype(dict.fromkeys(_NUMBERS, float)).assign(**words)
    table["images"] = table["images"].fillna(0).astype("int64")
    table = table.sort_values("linear_probe", ascending=False, kind="stable", na_position="last")
    ranks = table["linear_probe"].rank(ascending=False, method="min")
    table.insert(0, "rank", ranks.astype("Int64"))
    return table.reset_index(drop=True)


def _some_images(store: ImageStore, images: int | None, seed: int) -> ImageStore:
    """The store, with more training and validation images than `images` left unused."""
    from dataclasses import replace

    rows = np.flatnonzero(store.manifest["split"].isin(PARTS).to_numpy())
    if images is None or len(rows) <= images:
        return store
    left_out = np.random.default_rng(seed).permutation(rows)[images:]
    manifest = store.manifest.copy()
    manifest.loc[manifest.index[left_out], "split"] = "unused"
    return replace(store, manifest=manifest)


def _build(
    candidate: Candidate,
    store: ImageStore,
    dataset_mean: Sequence[float],
    dataset_std: Sequence[float],
    seed: int,
) -> Classifier:
    from graft.models.classifier import build_classifier
    from graft.models.tracing import require_image_size

    model = build_classifier(
        candidate.backbone,
        store.class_names,
        candidate.load(),
        dataset_mean=dataset_mean,
        dataset_std=dataset_std,
        input_size=candidate.input_size,
        seed=seed,
    )
    require_image_size(model, store.images.shape[1])
    return model


def _score(
    model: Classifier,
    store: ImageStore,
    taps: Sequence[str],
    folds: int,
    compute: Compute,
    cache: FeatureCache | None,
    seed: int,
) -> dict[str, Any]:
    from graft.models.summary import count_multiply_accumulates

    features = extract_features(model, store, taps, compute, splits=PARTS, cache=cache)
    matrix, labels, classes = features.matrix, features.labels, len(features.class_names)
    probe = chosen(
        cross_validate_probe(matrix, labels, classes, LinearProbeRecipe(folds=folds), seed)
    )
    neighbours = chosen(cross_validate_knn(matrix, labels, classes, KNNRecipe(folds=folds), seed))
    head = model.head
    return {
        "images": len(matrix),
        "measure": probe["measure"],
        "linear_probe": probe["mean"],
        "linear_probe_deviation": probe["deviation"],
        "knn": neighbours["mean"],
        "knn_deviation": neighbours["deviation"],
        "logme": logme(matrix, labels, classes),
        "feature_dimensions": matrix.shape[1],
        "parameters": _count(model.net) - _count(head),
        "multiply_accumulates": count_multiply_accumulates(model, store.images.shape[1]),
        "seconds_per_1000_images": 1000 * features.metadata["seconds"] / len(matrix),
    }


def _count(module: Any) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
