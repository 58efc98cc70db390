"""Newton's method for linear models with a convex loss, many of them at once.

What is minimised is ½ · penalty · |w|² + Σ loss(x · w), over the weights of P problems that share
their N images and D features: classes against the rest, prices C, or both. The length of a step is
found on the line, which costs next to nothing, since outputs are linear in it. Its direction comes
from one of two solvers:

* Conjugate gradients, all problems side by side, so that what costs time are products of the
  features with a matrix of P columns instead of P times a vector. This is what LIBLINEAR does for
  one class after the other (Lin, Weng and Keerthi 2008, Trust region Newton method for logistic
  regression); here the gradients are conjugated in the eigenbasis of the features' second moments,
  where the Hessian is nearly diagonal: some ten products a step instead of hundreds.
* Where few images have a curvature, those inside the margin of a support vector machine on wide
  features, the Hessian has few large eigenvalues and conjugate gradients are slow: the equations
  are solved directly, in as many unknowns as there are such images (Chapelle 2007, Training a
  support vector machine in the primal).

The loss is raised to its full size by degrees. From nothing, a high price C takes a hundred steps,
for the images inside the margin change at each; along the path it takes a few.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

_WIDEST_BASIS = 6_000  # features whose eigenbasis takes less than a minute
_PATH = (4.0**-6, 4.0**-5, 4.0**-4, 4.0**-3, 4.0**-2, 4.0**-1, 1.0)  # shares of the loss
_STEPS, _PRODUCTS, _LENGTHS = 100, 300, 20
_TOLERANCE = 1e-8  # twice the objective's distance from its minimum, over the objective
_ON_THE_WAY = 0.05  # the same, before the loss has its full size
_MOST_UNKNOWNS = 4_000  # of equations that are solved directly
_FREE = 1e-6
_RESIDUAL = 0.1  # how exactly the Newton equations are solved


class Loss(Protocol):
    """The sum of the losses of N images in each of P problems of K outputs; arrays float32."""

    def value(self, outputs: np.ndarray) -> np.ndarray:
        """(P,), of outputs (N, P, K)."""

    def gradient(self, outputs: np.ndarray) -> np.ndarray:
        """(N, P, K)."""

    def curvature(self, outputs: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """The Hessian by the outputs: its product with directions (N, P, K)."""

    def mean_curvature(self, outputs: np.ndarray) -> np.ndarray:
        """(P, K): the Hessian's diagonal, its mean over the images."""

    def few_curvatures(self, outputs: np.ndarray) -> np.ndarray | None:
        """(N, P): the Hessian's diagonal, if it is 0 for many images; else None."""

    def of(self, problems: np.ndarray, share: float) -> Loss:
        """A share of the loss of some problems, bool (P,)."""


class Minimum(NamedTuple):
    """Weights float32 (D, P, K), and whether each problem (P,) reached its tolerance."""

    weights: np.ndarray
    converged: np.ndarray


@dataclass(frozen=True, eq=False)
class Design:
    """What the problems share.

    Attributes:
        features: float32 (N, D), with a last column of ones for the intercept.
        penalty: float32 (D, 1, 1): 1, and next to nothing of an intercept that may be as large as
            it likes.
        moments: float32 (D,), second moments in the basis.
        basis: float32 (D, D), orthonormal columns; None where it would cost more than it saves.
    """

    features: np.ndarray
    penalty: np.ndarray
    moments: np.ndarray
    basis: np.ndarray | None

    @classmethod
    def of(cls, features: np.ndarray, *, penalised_intercept: bool) -> Design:
        """Of standardised features (N, D - 1)."""
        images, width = features.shape
        design = np.ones((images, width + 1), dtype=np.float32)
        design[:, :width] = features
        penalty = np.ones((width + 1, 1, 1), dtype=np.float32)
        penalty[-1] = 1.0 if penalised_intercept else _FREE
        if images < width or width > _WIDEST_BASIS:
            return cls(design, penalty, np.einsum("nd,nd->d", design, design) / images, None)
        moments, basis = np.linalg.eigh(design.T @ design / images)
        return cls(design, penalty, moments.clip(min=0), basis)

    def outputs(self, weights: np.ndarray) -> np.ndarray:
        """(N, P, K) of weights (D, P, K)."""
        flat = self.features @ weights.reshape(len(weights), -1)
        return np.asarray(flat.reshape(-1, *weights.shape[1:]))

    def back(self, gradient: np.ndarray) -> np.ndarray:
        """Gradients by the outputs (N, P, K) as gradients by the weights (D, P, K)."""
        flat = self.features.T @ gradient.reshape(len(gradient), -1)
        return np.asarray(flat.reshape(-1, *gradient.shape[1:]))

    def precondition(self, residual: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        """Solve the equations of a Hessian that is `curvature` (P, K) for every image alike."""
        scale = 1 + len(self.features) * curvature * self.moments[:, None, None]
        if self.basis is None:
            return np.asarray(residual / scale)
        rotated = (self.basis.T @ residual.reshape(len(residual), -1)).reshape(residual.shape)
        back = self.basis @ (rotated / scale).reshape(len(residual), -1)
        return np.asarray(back.reshape(residual.shape))


def minimise(design: Design, loss: Loss, problems: int, outputs: int = 1) -> Minimum:
    """The weights that minimise ½ · penalty · |w|² + loss.

    Args:
        design: The features.
        loss: Convex.
        problems: P.
        outputs: K of each problem.
    """
    weights = np.zeros((design.features.shape[1], problems, outputs), dtype=np.float32)
    values = np.zeros((len(design.features), problems, outputs), dtype=np.float32)
    for share in _PATH:
        tolerance = _TOLERANCE if share == 1 else _ON_THE_WAY
        converged = _descend(design, loss, share, tolerance, weights, values)
    return Minimum(weights, converged)


def _descend(
    design: Design,
    loss: Loss,
    share: float,
    tolerance: float,
    weights: np.ndarray,
    values: np.ndarray,
) -> np.ndarray:
    """Move weights and outputs, in place, to where a share of the loss is minimal; converged."""
    converged = np.zeros(weights.shape[1], dtype=bool)
    for _ in range(_STEPS):
        left = ~converged
        here, there, part = weights[:, left], values[:, left], loss.of(left, share)
        gradient = _centred(design.penalty * here + design.back(part.gradient(there)))
        direction = _centred(_newton_direction(design, part, there, gradient))
        objective = 0.5 * _dot(design.penalty * here, here) + part.value(there)
        converged[left] = -_dot(gradient, direction) <= tolerance * objective
        if converged.all():
            break
        along = design.outputs(direction)
        length = _step_length(design, part, here, direction, there, along)
        weights[:, left] = here + length[:, None] * direction
        values[:, left] = there + length[:, None] * along
    return converged


def _centred(weights: np.ndarray) -> np.ndarray:
    """(D, P, K) of which K add up to 0, as at the minimum of a softmax.

    It knows no difference where all classes change alike; there rounding leads a solver astray.
    """
    return weights if weights.shape[2] == 1 else weights - weights.mean(axis=2, keepdims=True)


def _newton_direction(
    design: Design, loss: Loss, values: np.ndarray, gradient: np.ndarray
) -> np.ndarray:
    curvatures, width = loss.few_curvatures(values), len(gradient)
    direction = np.zeros_like(gradient)
    direct = np.zeros(gradient.shape[1], dtype=bool)
    if curvatures is not None:
        counts = (curvatures > 0).sum(axis=0)
        direct = (counts <= 2 * width) & (np.minimum(counts, width) <= _MOST_UNKNOWNS)
        for p in np.flatnonzero(direct):
            direction[:, p, 0] = _solve(design, curvatures[:, p], -gradient[:, p, 0])
    if not direct.all():
        part = loss.of(~direct, 1.0)
        direction[:, ~direct] = _conjugate(design, part, values[:, ~direct], gradient[:, ~direct])
    return direction


def _solve(design: Design, curvature: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve (penalty + X'cX) d = right (D,), by as few unknowns as images or features.

    In double precision: next to the features' moments the penalty is small.
    """
    from scipy.linalg import solve

    rows = np.flatnonzero(curvature)
    penalty = design.penalty[:, 0, 0].astype(np.float64)
    scaled = design.features[rows] * np.sqrt(curvature[rows, None]).astype(np.float64)
    if len(rows) >= len(right):
        hessian = scaled.T @ scaled
        hessian.flat[:: len(right) + 1] += penalty
        return np.asarray(solve(hessian, right, assume_a="pos"))
    alone = right / penalty  # the solution but for these images (Woodbury)
    inner = (scaled / penalty) @ scaled.T
    inner.flat[:: len(rows) + 1] += 1
    change = scaled.T @ solve(inner, scaled @ alone, assume_a="pos")
    return np.asarray(alone - change / penalty)


def _conjugate(design: Design, loss: Loss, values: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Preconditioned conjugate gradients, to a tenth of the gradient's norm."""
    curvature, hessian = loss.mean_curvature(values), loss.curvature(values)
    direction, residual = np.zeros_like(gradient), -gradient
    solved = design.precondition(residual, curvature)
    search, norm = solved, _dot(residual, solved)
    enough = norm * _RESIDUAL**2
    for _ in range(_PRODUCTS):
        left = norm > enough
        if not left.any():
            break
        back = design.back(hessian(design.outputs(search)))
        product = design.penalty * search + back
        length = np.where(left, norm / np.maximum(_dot(search, product), _TINY), 0)[:, None]
        direction = direction + length * search
        residual = residual - length * product
        solved = design.precondition(residual, curvature)
        before, norm = norm, _dot(residual, solved)
        search = solved + (norm / np.maximum(before, _TINY))[:, None] * search
    return direction


def _step_length(
    design: Design,
    loss: Loss,
    weights: np.ndarray,
    direction: np.ndarray,
    values: np.ndarray,
    along: np.ndarray,
) -> np.ndarray:
    """(P,): where the derivative along the direction is at most a tenth of what it was.

    Newton's method on a line; a bracket of the root catches it where the curvature jumps.
    """
    linear = _dot(design.penalty * weights, direction)
    quadratic = _dot(design.penalty * direction, direction)
    enough = 0.1 * np.abs(linear + _dot(loss.gradient(values), along))
    length = np.ones(len(enough), dtype=np.float32)
    low, high = np.zeros_like(length), np.full_like(length, np.inf)
    for _ in range(_LENGTHS):
        at = values + length[:, None] * along
        slope = linear + length * quadratic + _dot(loss.gradient(at), along)
        if (np.abs(slope) <= enough).all():
            break
        low, high = np.where(slope < 0, length, low), np.where(slope > 0, length, high)
        bend = quadratic + _dot(loss.curvature(at)(along), along)
        tried = length - slope / np.maximum(bend, _TINY)
        bounded = np.isfinite(high)
        inside = (tried > low) & (tried < np.where(bounded, high, 4 * length))
        moved = np.where(inside, tried, np.where(bounded, (low + high) / 2, 4 * length))
        length = np.where(np.abs(slope) <= enough, length, moved).astype(np.float32)
    return length


_TINY = float(np.finfo(np.float32).tiny)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(P,): the sum over the first and the last axis of a product."""
    return np.asarray(np.einsum("dpk,dpk->p", a, b))
