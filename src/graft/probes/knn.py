"""k nearest neighbours on the features of a network: no training, and a good measure of them.

Features are standardised first, like those of the other probes. Neighbours are found by products
of blocks of features, so that no matrix of all images by all training images is ever held.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from graft.classes import NOT_COUNTED
from graft.probes.checks import require_features, require_some_difference, require_width
from graft.probes.search import Row, Setting, chosen, cross_validate

_PRODUCTS = 2**24  # similarities at a time (64 MiB)

Metric = Literal["cosine", "euclidean"]
Weights = Literal["uniform", "distance"]


@dataclass(frozen=True)
class KNNRecipe:
    """How neighbours vote; `knn` in the parameters.

    Attributes:
        neighbours: k, at most the training images; "auto" is chosen by cross-validation.
        metric: "cosine" (the distance is 1 - cosine) or "euclidean".
        weights: "uniform", or "distance": a neighbour counts by the inverse of its distance; one at
            no distance outvotes all that are at some.
        counts: What "auto" tries.
        folds: Of cross-validation.
    """

    neighbours: int | Literal["auto"] = "auto"
    metric: Metric = "cosine"
    weights: Weights = "distance"
    counts: tuple[int, ...] = (1, 3, 5, 10, 20, 50)
    folds: int = 5

    @classmethod
    def from_parameters(cls, knn: dict[str, Any]) -> KNNRecipe:
        """Of the `knn` parameters."""
        search = knn["search"]
        return cls(
            knn["neighbours"],
            knn["metric"],
            knn["weights"],
            tuple(search["neighbours"]),
            search["folds"],
        )


@dataclass(frozen=True, eq=False)
class KNNClassifier:
    """Training images that vote.

    Attributes:
        mean: float32 (D,), subtracted from features.
        scale: float32 (D,), what they are divided by then.
        features: float32 (N, D), standardised; of length 1 for the cosine.
        labels: int64 (N,), or int8 (N, K).
        class_names: K names.
        metadata: JSON values: recipe (with the number that was chosen), training_images,
            feature_dimensions, seed, seconds, search and search_seconds.
    """

    mean: np.ndarray
    scale: np.ndarray
    features: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    metadata: dict[str, Any]

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Shares of the votes, float32 (N, K), as probabilities; of single labels they sum to 1.

        Of several labels a neighbour in which a class is not counted has no vote on it; where none
        has, the share is 0.

        Raises:
            GraftError: Features of another width than those fitted to, or not finite.
        """
        require_width(features, len(self.mean), "k-NN")
        recipe = self.metadata["recipe"]
        asked = _prepared((features - self.mean) / self.scale, recipe["metric"])
        count = recipe["neighbours"]
        places, distances = nearest(asked, self.features, count, recipe["metric"])
        return _votes(self.labels, places, distances, recipe["weights"], len(self.class_names))


def fit_knn(
    features: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    recipe: KNNRecipe,
    seed: int,
) -> KNNClassifier:
    """Standardise and keep the training images; choose how many neighbours vote.

    Args:
        features: (N, D), any floating type.
        labels: int64 (N,), or int8 (N, K): 1 present, 0 absent, -1 not counted.
        class_names: K names.
        recipe: Number, distance and weights.
        seed: Of the folds of cross-validation.

    Raises:
        GraftError: Labels that tell nothing apart, or features that are not finite.
        ValueError: Features and labels of different length.
    """
    require_features(features, labels, class_names)
    require_some_difference(labels, class_names, "k-NN")
    started = time.perf_counter()
    rows = []
    if recipe.neighbours == "auto":
        rows = cross_validate_knn(features, labels, len(class_names), recipe, seed)
    searched = time.perf_counter() - started
    count = chosen(rows)["neighbours"] if rows else recipe.neighbours
    started = time.perf_counter()
    mean, scale = _scaler(features)
    kept = _prepared((features - mean) / scale, recipe.metric)
    metadata = {
        "recipe": {
            "neighbours": min(count, len(features)),
            "metric": recipe.metric,
            "weights": recipe.weights,
        },
        "training_images": len(features),
        "feature_dimensions": features.shape[1],
        "seed": seed,
        "seconds": time.perf_counter() - started,
        "search": rows,
        "search_seconds": searched if rows else 0.0,
    }
    return KNNClassifier(mean, scale, kept, labels, tuple(class_names), metadata)


def nearest(
    features: np.ndarray, among: np.ndarray, count: int, metric: Metric
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest neighbours, the nearest first.

    Args:
        features: float32 (M, D), of length 1 for the cosine.
        among: float32 (N, D), likewise.
        count: k, at most N.
        metric: "cosine" or "euclidean".

    Returns:
        Their positions int64 (M, k) and distances float32 (M, k).
    """
    squares = np.einsum("nd,nd->n", among, among)
    parts = max(1, -(-len(features) * len(among) // _PRODUCTS))
    places, distances = [], []
    for block in np.array_split(features, parts):
        products = block @ among.T
        # The block's own squares would change no order.
        products = 1 - products if metric == "cosine" else squares - 2 * products
        nearby = np.argpartition(products, count - 1, axis=1)[:, :count]
        found = np.take_along_axis(products, nearby, axis=1)
        order = np.lexsort((nearby, found), axis=1)  # the earlier of two at the same distance
        nearby, found = (np.take_along_axis(a, order, axis=1) for a in (nearby, found))
        if metric == "euclidean":
            # Differences themselves: of near images the squares cancel each other.
            found = np.stack(
                [np.linalg.norm(block - among[column], axis=1) for column in nearby.T], axis=1
            )
        places.append(nearby)
        distances.append(np.maximum(found, 0))
    return np.concatenate(places), np.concatenate(distances).astype(np.float32)


def _votes(
    labels: np.ndarray,
    places: np.ndarray,
    distances: np.ndarray,
    weights: Weights,
    class_count: int,
) -> np.ndarray:
    """Shares float32 (M, K) of what the neighbours (M, k) say."""
    share = np.ones_like(distances)
    if weights == "distance":
        touching = distances <= 1e-6
        share = np.where(touching, 0, 1 / np.maximum(distances, 1e-6))
        share = np.where(touching.any(axis=1, keepdims=True), touching, share)
    if labels.ndim == 1:
        said = labels[places]
        votes = np.stack([(share * (said == k)).sum(axis=1) for k in range(class_count)], axis=1)
        return np.asarray(votes / share.sum(axis=1, keepdims=True), dtype=np.float32)
    votes = np.zeros((len(places), class_count), dtype=np.float32)
    counted = np.zeros_like(votes)
    for place, weight in zip(places.T, share.T[:, :, None], strict=True):
        said = labels[place]
        votes += weight * (said == 1)
        counted += weight * (said != NOT_COUNTED)
    return np.asarray(votes / np.where(counted > 0, counted, 1), dtype=np.float32)


def cross_validate_knn(
    features: np.ndarray, labels: np.ndarray, classes: int, recipe: KNNRecipe, seed: int
) -> list[Row]:
    """How good each number of neighbours is on images that are not among them.

    They are found once for the largest number; the smaller ones are the first of them. Arguments as
    of `fit_knn`, K classes.
    """

    def score(train: np.ndarray, held: np.ndarray, group: Sequence[Setting]) -> list[np.ndarray]:
        mean, scale = _scaler(features[train])
        kept, asked = (
            _prepared((features[rows] - mean) / scale, recipe.metric) for rows in (train, held)
        )
        counts = [min(setting["neighbours"], len(train)) for setting in group]
        places, distances = nearest(asked, kept, max(counts), recipe.metric)
        return [
            _votes(labels[train], places[:, :k], distances[:, :k], recipe.weights, classes)
            for k in counts
        ]

    return cross_validate(
        labels,
        [[{"neighbours": count} for count in sorted(recipe.counts, reverse=True)]],
        score,
        class_count=classes,
        folds=recipe.folds,
        seed=seed,
        what="the number of neighbours",
    )


def _scaler(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(features)
    return scaler.mean_.astype(np.float32), scaler.scale_.astype(np.float32)


def _prepared(scaled: np.ndarray, metric: Metric) -> np.ndarray:
    """float32, and for the cosine of length 1."""
    scaled = np.ascontiguousarray(scaled, dtype=np.float32)
    if metric == "cosine":
        lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
        scaled = scaled / np.maximum(lengths, np.finfo(np.float32).tiny)
    return scaled
