"""Logistic regression on the features of a network, the usual measure of what they are worth.

Multinomial of single labels, one regression a class of several (Alain and Bengio 2016,
Understanding intermediate layers using linear classifier probes). Features are standardised first.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from graft.probes.checks import require_features, require_some_difference, require_width
from graft.probes.convex_losses import Logistic, Softmax, sigmoid, softmax
from graft.probes.newton import Design, Minimum, minimise
from graft.probes.one_against_rest import Questions
from graft.probes.search import Row, Setting, chosen, cross_validate

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LinearProbeRecipe:
    """How it is fitted; `linear_probe` in the parameters.

    Attributes:
        C: Price of the loss against ½ |w|², as scikit-learn's `LogisticRegression` has it; "auto"
            is chosen by cross-validation. The intercept is free.
        class_weight: "balanced" weighs classes by the inverse of their counts; None does not.
        prices: What "auto" tries.
        folds: Of cross-validation.
    """

    C: float | Literal["auto"] = "auto"
    class_weight: Literal["balanced"] | None = None
    prices: tuple[float, ...] = (1e-4, 1e-3, 0.01, 0.1, 1.0)
    folds: int = 5

    @classmethod
    def from_parameters(cls, linear_probe: dict[str, Any]) -> LinearProbeRecipe:
        """Of the `linear_probe` parameters."""
        search = linear_probe["search"]
        return cls(
            linear_probe["C"], linear_probe["class_weight"], tuple(search["C"]), search["folds"]
        )


@dataclass(frozen=True, eq=False)
class LinearProbe:
    """A fitted probe.

    Attributes:
        mean: float32 (D,), subtracted from features.
        scale: float32 (D,), what they are divided by then.
        weights: float32 (D, K).
        intercepts: float32 (K,); -inf of a class that no training image shows.
        class_names: K names.
        metadata: JSON values: recipe (with the C that was chosen), multi_label, training_images,
            feature_dimensions, converged, seed, seconds, search (a row for each price that
            cross-validation tried) and search_seconds.
    """

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    intercepts: np.ndarray
    class_names: tuple[str, ...]
    metadata: dict[str, Any]

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Probabilities float32 (N, K) of features (N, D); of single labels they sum to 1.

        Raises:
            GraftError: Features of another width than those fitted to, or not finite.
        """
        require_width(features, len(self.mean), "the linear probe")
        logits = ((features - self.mean) / self.scale) @ self.weights + self.intercepts
        shares = sigmoid(logits) if self.metadata["multi_label"] else softmax(logits)
        return np.asarray(shares, dtype=np.float32)


def fit_linear_probe(
    features: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    recipe: LinearProbeRecipe,
    seed: int,
) -> LinearProbe:
    """Fit a logistic regression, for each class one where an image may show several.

    Args:
        features: (N, D), any floating type.
        labels: int64 (N,), or int8 (N, K): 1 present, 0 absent, -1 not counted.
        class_names: K names.
        recipe: Price and class weights.
        seed: Of the folds of cross-validation; the fit itself has no chance in it.

    Raises:
        GraftError: Labels that tell nothing apart, or features that are not finite.
        ValueError: Features and labels of different length.
    """
    require_features(features, labels, class_names)
    require_some_difference(labels, class_names, "a linear probe")
    classes = len(class_names)
    started = time.perf_counter()
    rows = (
        cross_validate_probe(features, labels, classes, recipe, seed) if recipe.C == "auto" else []
    )
    searched = time.perf_counter() - started
    price = float(chosen(rows)["C"] if rows else recipe.C)
    started = time.perf_counter()
    mean, scale, ((weights, intercepts, converged),) = _fit(
        features, labels, classes, recipe, [price]
    )
    seconds = time.perf_counter() - started
    if not converged:
        logger.warning("The linear probe did not converge; a smaller linear_probe.C is easier")
    settings = asdict(recipe) | {"C": price}
    metadata = {
        "recipe": {name: settings[name] for name in ("C", "class_weight")},
        "multi_label": labels.ndim == 2,
        "training_images": len(features),
        "feature_dimensions": features.shape[1],
        "converged": converged,
        "seed": seed,
        "seconds": seconds,
        "search": rows,
        "search_seconds": searched if rows else 0.0,
    }
    return LinearProbe(mean, scale, weights, intercepts, tuple(class_names), metadata)


def cross_validate_probe(
    features: np.ndarray, labels: np.ndarray, classes: int, recipe: LinearProbeRecipe, seed: int
) -> list[Row]:
    """How good each price is on images that it was not fitted to.

    Arguments as of `fit_linear_probe`, K classes.
    """

    def score(train: np.ndarray, held: np.ndarray, group: Sequence[Setting]) -> list[np.ndarray]:
        prices = [setting["C"] for setting in group]
        mean, scale, fitted = _fit(features[train], labels[train], classes, recipe, prices)
        scaled = (features[held] - mean) / scale
        return [scaled @ weights + intercepts for weights, intercepts, _ in fitted]

    return cross_validate(
        labels,
        [[{"C": price} for price in sorted(recipe.prices)]],
        score,
        class_count=classes,
        folds=recipe.folds,
        seed=seed,
        what="C of the linear probe",
    )


def _fit(
    features: np.ndarray,
    labels: np.ndarray,
    classes: int,
    recipe: LinearProbeRecipe,
    prices: Sequence[float],
) -> tuple[np.ndarray, np.ndarray, list[tuple[np.ndarray, np.ndarray, bool]]]:
    """Mean and scale; for each price weights (D, K), intercepts (K,) and whether it converged."""
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler()
    design = Design.of(scaler.fit_transform(features), penalised_intercept=False)
    fit = _fit_labels if labels.ndim == 2 else _fit_classes
    fitted = fit(design, labels, classes, recipe.class_weight, prices)
    return scaler.mean_.astype(np.float32), scaler.scale_.astype(np.float32), fitted


def _fit_classes(
    design: Design,
    labels: np.ndarray,
    classes: int,
    class_weight: str | None,
    prices: Sequence[float],
) -> list[tuple[np.ndarray, np.ndarray, bool]]:
    present, positions, counts = np.unique(labels, return_inverse=True, return_counts=True)
    share = len(labels) / (len(present) * counts)
    of_each = share[positions] if class_weight else np.ones(len(labels))
    costs = of_each[:, None] * np.array(prices)
    loss = Softmax(positions, costs.astype(np.float32))
    found = minimise(design, loss, len(prices), len(present))
    return [
        _spread(found.weights[:, place], present, np.full(classes, -np.inf), found, [place])
        for place in range(len(prices))
    ]


def _fit_labels(
    design: Design,
    labels: np.ndarray,
    classes: int,
    class_weight: str | None,
    prices: Sequence[float],
) -> list[tuple[np.ndarray, np.ndarray, bool]]:
    questions = Questions.of(labels, classes, class_weight)
    asked = np.flatnonzero(np.isfinite(questions.intercepts))
    signs = np.where(labels[:, asked] == 1, 1, -1).astype(np.float32)
    costs = [np.float32(price) * questions.costs[:, asked] for price in prices]
    loss = Logistic(np.tile(signs, (1, len(prices))), np.concatenate(costs, axis=1))
    found = minimise(design, loss, len(prices) * len(asked))
    columns = [list(range(p * len(asked), (p + 1) * len(asked))) for p in range(len(prices))]
    return [
        _spread(found.weights[:, part, 0], asked, questions.intercepts, found, part)
        for part in columns
    ]


def _spread(
    found: np.ndarray,
    places: np.ndarray,
    intercepts: np.ndarray,
    minimum: Minimum,
    problems: list[int],
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Weights (D + 1, k) of some classes among all K, whose other intercepts are given."""
    weights = np.zeros((len(found) - 1, len(intercepts)), dtype=np.float32)
    offsets = intercepts.astype(np.float32)
    weights[:, places], offsets[places] = found[:-1], found[-1]
    return weights, offsets, bool(minimum.converged[problems].all())
