"""A fitted support vector machine as plain arrays, however it was fitted.

So it is saved without any estimator of scikit-learn, and asked by a few matrix products: 10,000
images of 10,000 support vectors with 1,280 features take seconds, in LIBSVM's own loop a minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sklearn.svm import SVC

_KERNEL_VALUES = 2**26  # at a time (256 MiB)


@dataclass(frozen=True, eq=False)
class PlainMachine:
    """Linear functions of features, or of their kernel with some vectors.

    Attributes:
        vectors: float32 (S, D), the training images that the kernel compares with; None of a linear
            machine.
        gamma: Of the rbf kernel; None of a linear machine.
        weights: (S, P) of the vectors, or (D, P) of the features.
        intercepts: (P,); of a class that no training image shows -inf, of one that all show inf.
        pairs: int64 (P, 2), where the functions tell classes apart two by two: the one for values
            above 0 and the one below. None where there is a function for each of K = P classes.
        class_count: K.
    """

    vectors: np.ndarray | None
    gamma: float | None
    weights: np.ndarray
    intercepts: np.ndarray
    pairs: np.ndarray | None
    class_count: int

    def decision_function(self, features: np.ndarray) -> np.ndarray:
        """Decision values float (N, K) of standardised features (N, D), one against the rest.

        Of pairs they are the votes for a class, and among equals the sum of its values, squeezed
        between -1/3 and 1/3, as scikit-learn's `SVC` has it; -inf of a class that was not there.
        """
        values = self._values(features)
        if self.pairs is None:
            return values
        counts = np.zeros((len(features), self.class_count))
        sums = np.zeros_like(counts)
        for (above, below), value in zip(self.pairs, values.T, strict=True):
            counts[:, above] += value >= 0
            counts[:, below] += value < 0
            sums[:, above] += value
            sums[:, below] -= value
        scores = counts + sums / (3 * (np.abs(sums) + 1))
        scores[:, np.setdiff1d(np.arange(self.class_count), self.pairs)] = -np.inf
        return np.asarray(scores)

    def _values(self, features: np.ndarray) -> np.ndarray:
        if self.vectors is None:
            return np.asarray(features @ self.weights + self.intercepts)
        products = kernel_product(features, self.vectors, self.gamma, self.weights)
        return np.asarray(products + self.intercepts)


def kernel_product(
    features: np.ndarray, vectors: np.ndarray, gamma: float | None, weights: np.ndarray
) -> np.ndarray:
    """exp(-gamma · distance²) of features (N, D) and vectors (S, D), times weights (S, P).

    Never all N x S kernel values at once.
    """
    from sklearn.metrics.pairwise import rbf_kernel

    parts = -(-len(features) * max(1, len(vectors)) // _KERNEL_VALUES)
    return np.concatenate(
        [
            rbf_kernel(part, vectors, gamma=gamma) @ weights
            for part in np.array_split(features, max(1, parts))
        ]
    )


def from_svc(machine: SVC, gamma: float, class_count: int) -> PlainMachine:
    """The arrays of a fitted `SVC` with the rbf kernel, of scikit-learn or oneDAL.

    Args:
        machine: Its classes are positions among `class_count` ones.
        gamma: The number that it was fitted with.
        class_count: K.
    """
    classes = np.asarray(machine.classes_, dtype=np.int64)
    vectors = np.asarray(machine.support_vectors_, dtype=np.float32)
    duals, offsets = np.asarray(machine.dual_coef_), np.asarray(machine.intercept_)
    if len(classes) == 2:
        weights = np.zeros((len(vectors), class_count))
        intercepts = np.full(class_count, -np.inf)
        for sign, k in zip((-1, 1), classes, strict=True):
            weights[:, k], intercepts[k] = sign * duals[0], sign * offsets[0]
        return PlainMachine(vectors, gamma, weights, intercepts, None, class_count)
    ends = np.cumsum(machine.n_support_)
    owned = [slice(end - count, end) for end, count in zip(ends, machine.n_support_, strict=True)]
    pairs = list(combinations(range(len(classes)), 2))
    weights = np.zeros((len(vectors), len(pairs)))
    for p, (i, j) in enumerate(pairs):  # a class's row among the others leaves itself out
        weights[owned[i], p] = duals[j - 1, owned[i]]
        weights[owned[j], p] = duals[i, owned[j]]
    return PlainMachine(vectors, gamma, weights, offsets, classes[np.array(pairs)], class_count)
