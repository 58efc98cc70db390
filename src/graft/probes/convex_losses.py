"""Losses of linear models, for `graft.probes.newton`: of outputs float32 (N, P, K)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class SquaredHinge:
    """max(0, 1 - sign · output)², of P problems with one output each: a support vector machine.

    Attributes:
        signs: float32 (N, P), 1 or -1.
        costs: float32 (N, P), what an image counts in a problem; 0 leaves it out.
    """

    signs: np.ndarray
    costs: np.ndarray

    def _short(self, outputs: np.ndarray) -> np.ndarray:
        """(N, P): how far an image is inside the margin, or beyond it."""
        return np.asarray(np.maximum(0, 1 - self.signs * outputs[:, :, 0]))

    def value(self, outputs: np.ndarray) -> np.ndarray:
        return np.asarray((self.costs * self._short(outputs) ** 2).sum(axis=0))

    def gradient(self, outputs: np.ndarray) -> np.ndarray:
        return np.asarray(-2 * self.costs * self.signs * self._short(outputs))[:, :, None]

    def curvature(self, outputs: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        within = self._within(outputs)[:, :, None]
        return lambda directions: np.asarray(within * directions)

    def mean_curvature(self, outputs: np.ndarray) -> np.ndarray:
        return np.asarray(self._within(outputs).mean(axis=0))[:, None]

    def _within(self, outputs: np.ndarray) -> np.ndarray:
        return np.asarray(2 * self.costs * (self.signs * outputs[:, :, 0] < 1))

    def few_curvatures(self, outputs: np.ndarray) -> np.ndarray:
        return self._within(outputs)

    def of(self, problems: np.ndarray, share: float) -> SquaredHinge:
        return SquaredHinge(self.signs[:, problems], np.float32(share) * self.costs[:, problems])


@dataclass(frozen=True, eq=False)
class Logistic:
    """log(1 + exp(-sign · output)), of P problems with one output each: several labels.

    Attributes:
        signs: float32 (N, P), 1 or -1.
        costs: float32 (N, P), what an image counts in a problem; 0 leaves it out.
    """

    signs: np.ndarray
    costs: np.ndarray

    def value(self, outputs: np.ndarray) -> np.ndarray:
        losses = np.logaddexp(0, -self.signs * outputs[:, :, 0])
        return np.asarray((self.costs * losses).sum(axis=0))

    def gradient(self, outputs: np.ndarray) -> np.ndarray:
        wrong = sigmoid(-self.signs * outputs[:, :, 0])
        return np.asarray(-self.costs * self.signs * wrong)[:, :, None]

    def curvature(self, outputs: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        bend = self._bend(outputs)[:, :, None]
        return lambda directions: np.asarray(bend * directions)

    def mean_curvature(self, outputs: np.ndarray) -> np.ndarray:
        return np.asarray(self._bend(outputs).mean(axis=0))[:, None]

    def _bend(self, outputs: np.ndarray) -> np.ndarray:
        shown = sigmoid(outputs[:, :, 0])
        return np.asarray(self.costs * shown * (1 - shown))

    def few_curvatures(self, outputs: np.ndarray) -> None:
        return None

    def of(self, problems: np.ndarray, share: float) -> Logistic:
        return Logistic(self.signs[:, problems], np.float32(share) * self.costs[:, problems])


@dataclass(frozen=True, eq=False)
class Softmax:
    """Cross-entropy of K classes, in P problems: multinomial logistic regression.

    Attributes:
        labels: int64 (N,), from 0 to K - 1.
        costs: float32 (N, P), what an image counts in a problem.
    """

    labels: np.ndarray
    costs: np.ndarray

    def value(self, outputs: np.ndarray) -> np.ndarray:
        highest = outputs.max(axis=2)
        total = np.log(np.exp(outputs - highest[:, :, None]).sum(axis=2)) + highest
        own = np.take_along_axis(outputs, self.labels[:, None, None], axis=2)[:, :, 0]
        return np.asarray((self.costs * (total - own)).sum(axis=0))

    def gradient(self, outputs: np.ndarray) -> np.ndarray:
        gradient = softmax(outputs)
        gradient[np.arange(len(self.labels)), :, self.labels] -= 1
        return np.asarray(self.costs[:, :, None] * gradient)

    def curvature(self, outputs: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        shares = softmax(outputs)

        def times(directions: np.ndarray) -> np.ndarray:
            weighted = self.costs[:, :, None] * shares * directions
            return np.asarray(weighted - shares * weighted.sum(axis=2, keepdims=True))

        return times

    def mean_curvature(self, outputs: np.ndarray) -> np.ndarray:
        shares = softmax(outputs)
        return np.asarray((self.costs[:, :, None] * shares * (1 - shares)).mean(axis=0))

    def few_curvatures(self, outputs: np.ndarray) -> None:
        return None

    def of(self, problems: np.ndarray, share: float) -> Softmax:
        return Softmax(self.labels, np.float32(share) * self.costs[:, problems])


def softmax(outputs: np.ndarray) -> np.ndarray:
    """Shares that sum to 1 along the last axis."""
    shares = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    return np.asarray(shares)


def sigmoid(values: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-value)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * values)))
