"""Machines that tell one class from all others: linear ones, and rbf ones by landmarks or exact.

Where an image may show several classes there is a machine for each: does the image show it, or not?
Those of the exact rbf kernel share it, computed once, which all but removes what several of them
cost: 20 classes on 2,500 images of 1,024 features take 1.8 s of a processor instead of 33 s. They
also share their support vectors, of which an image is kept once. Fitting machines in threads was
measured and gained nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graft.classes import NOT_COUNTED
from graft.probes.convex_losses import SquaredHinge
from graft.probes.machines import SVMRecipe, new_machine
from graft.probes.newton import Design, Minimum, minimise
from graft.probes.plain_machines import PlainMachine, kernel_product

_SMALLEST_EIGENVALUE = 1e-6  # of the landmarks' kernel, over its largest
_AT_ONCE = 2**25  # outputs that are fitted together; some ten arrays of 128 MB


@dataclass(frozen=True, eq=False)
class Questions:
    """Classes against the rest, as the machines see them.

    Attributes:
        labels: int8 (N, K): 1 the class, 0 the rest, -1 not counted.
        costs: float32 (N, K): what an image counts beside the price C.
    """

    labels: np.ndarray
    costs: np.ndarray

    @classmethod
    def of(cls, targets: np.ndarray, class_count: int, class_weight: str | None) -> Questions:
        """As LinearSVC weighs them: of several classes one by one, the rest always counts 1.

        Args:
            targets: int64 (N,) or int8 (N, K).
            class_count: K.
            class_weight: None or "balanced".
        """
        if targets.ndim == 2:
            labels, classes = targets, 2
        else:
            labels = (targets[:, None] == np.arange(class_count)).astype(np.int8)
            classes = len(np.unique(targets))
        costs = (labels != NOT_COUNTED).astype(np.float32)
        if class_weight is not None:
            counted = costs.sum(axis=0)
            for label in (1,) if classes > 2 else (0, 1):
                among = labels == label
                share = counted / (classes * np.maximum(among.sum(axis=0), 1))
                costs = np.where(among, share, costs).astype(np.float32)
        return cls(labels, costs)

    @property
    def intercepts(self) -> np.ndarray:
        """float64 (K,): -inf where no image shows the class, inf where all do, else 0."""
        shown, absent = (self.labels == 1).any(axis=0), (self.labels == 0).any(axis=0)
        return np.where(~shown, -np.inf, np.where(~absent, np.inf, 0.0))


def fit_linear(
    features: np.ndarray, questions: Questions, prices: Sequence[float]
) -> list[tuple[PlainMachine, bool]]:
    """Linear machines for several prices at once.

    What is minimised is that of LinearSVC: ½ (|w|² + b²) + C · Σ max(0, 1 - y (w·x + b))².

    Args:
        features: float32 (N, D), standardised.
        questions: Of K classes.
        prices: Each C.

    Returns:
        For each price a machine, and whether all of its classes reached their tolerance.
    """
    design = Design.of(features, penalised_intercept=True)
    return [
        (PlainMachine(None, None, weights, intercepts, None, len(intercepts)), converged)
        for weights, intercepts, converged in _fit(design, questions, prices)
    ]


def fit_nystroem(
    features: np.ndarray,
    questions: Questions,
    prices: Sequence[float],
    gamma: float,
    landmarks: int,
    seed: int,
) -> list[tuple[PlainMachine, bool]]:
    """Approximate rbf machines for several prices at once; the intercept is free, as in `SVC`.

    Args:
        features: float32 (N, D), standardised.
        questions: Of K classes.
        prices: Each C.
        gamma: Of the kernel.
        landmarks: How many images stand for all; drawn at random.
        seed: Of the draw.
    """
    from sklearn.metrics.pairwise import rbf_kernel

    drawn = np.random.default_rng(seed).permutation(len(features))[:landmarks]
    vectors = np.ascontiguousarray(features[np.sort(drawn)], dtype=np.float32)
    values, basis = np.linalg.eigh(rbf_kernel(vectors, gamma=gamma).astype(np.float64))
    kept = values > _SMALLEST_EIGENVALUE * values[-1]
    whitening = (basis[:, kept] / np.sqrt(values[kept])).astype(np.float32)
    mapped = kernel_product(features, vectors, gamma, whitening)
    design = Design.of(mapped, penalised_intercept=False)
    return [
        (PlainMachine(vectors, gamma, whitening @ w, b, None, len(b)), converged)
        for w, b, converged in _fit(design, questions, prices)
    ]


def _fit(
    design: Design, questions: Questions, prices: Sequence[float]
) -> list[tuple[np.ndarray, np.ndarray, bool]]:
    """For each price weights (D, K), intercepts (K,) and whether they are at their minimum."""
    offsets = questions.intercepts
    asked = np.flatnonzero(np.isfinite(offsets))
    both = len(asked) == 2 and (questions.labels[:, asked].sum(axis=1) == 1).all()
    fitted = asked[1:] if both else asked  # two classes are one question, asked twice
    signs = np.where(questions.labels[:, fitted] == 1, 1, -1).astype(np.float32)
    costs = questions.costs[:, fitted]
    found = _minimise_all(design, signs, costs, np.asarray(prices, dtype=np.float32))
    machines = []
    for place in range(len(prices)):
        columns = slice(place * len(fitted), (place + 1) * len(fitted))
        found_here = found.weights[:, columns, 0]
        weights = np.zeros((len(found_here) - 1, len(offsets)), dtype=np.float32)
        intercepts = offsets.copy()
        weights[:, fitted], intercepts[fitted] = found_here[:-1], found_here[-1]
        if both:
            weights[:, asked[0]], intercepts[asked[0]] = -found_here[:-1, 0], -found_here[-1, 0]
        machines.append((weights, intercepts, bool(found.converged[columns].all())))
    return machines


def _minimise_all(
    design: Design, signs: np.ndarray, costs: np.ndarray, prices: np.ndarray
) -> Minimum:
    """Each question (N, K) at each price: price by price, in as many parts as memory asks for."""
    questions = np.tile(np.arange(signs.shape[1]), len(prices))
    price = np.repeat(prices, signs.shape[1])
    count = max(1, -(-len(signs) * len(questions) // _AT_ONCE))
    found = [
        minimise(design, SquaredHinge(signs[:, part], costs[:, part] * each), len(part))
        for part, each in zip(
            np.array_split(questions, count), np.array_split(price, count), strict=True
        )
    ]
    return Minimum(
        np.concatenate([minimum.weights for minimum in found], axis=1),
        np.concatenate([minimum.converged for minimum in found]),
    )


def fit_exact_labels(
    features: np.ndarray, questions: Questions, recipe: SVMRecipe, price: float, gamma: float
) -> PlainMachine:
    """An exact rbf machine for each class, on the images in which it is counted.

    Args:
        features: float32 (N, D), standardised.
        questions: Of K classes.
        recipe: Class weights.
        price: C.
        gamma: Of the kernel.
    """
    from sklearn.metrics.pairwise import rbf_kernel

    kernel = rbf_kernel(features, gamma=gamma).astype(np.float64)
    labels = questions.labels
    weights, intercepts = np.zeros(labels.shape), questions.intercepts
    for k in np.flatnonzero(np.isfinite(intercepts)):
        rows = np.flatnonzero(labels[:, k] != NOT_COUNTED)
        among_rows = kernel if len(rows) == len(labels) else kernel[np.ix_(rows, rows)]
        machine = new_machine(recipe, price, gamma, by_onedal=False, kernel_given=True)
        machine.fit(among_rows, labels[rows, k])
        weights[rows[machine.support_], k] = machine.dual_coef_[0]
        intercepts[k] = machine.intercept_[0]
    supporting = (weights != 0).any(axis=1)
    vectors = np.ascontiguousarray(features[supporting], dtype=np.float32)
    return PlainMachine(vectors, gamma, weights[supporting], intercepts, None, labels.shape[1])
