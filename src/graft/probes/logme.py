"""LogME: how likely labels are, given features, under a linear model with nothing to tune.

You, Liu, Wang and Long 2021, LogME: Practical Assessment of Pre-trained Models for Transfer
Learning. For each class, targets y (1 the class, 0 the rest) come from y = F w + noise, with
w ~ N(0, 1/alpha) and noise ~ N(0, 1/beta). The evidence p(y | F), w integrated out, is maximised
over alpha and beta by their fixed point (MacKay 1992); LogME is its logarithm an image, the mean
over classes. It needs no held-out images: features of many dimensions that fit by chance pay for
it.
"""

from __future__ import annotations

import numpy as np

from graft.classes import NOT_COUNTED

_STEPS = 100
_TOLERANCE = 1e-5  # relative change of alpha / beta
_EXACT = 1e-12  # a fit this good leaves noise no variance to estimate


def logme(features: np.ndarray, labels: np.ndarray, class_count: int) -> float:
    """The mean log evidence an image; the higher, the better a linear model suits.

    Args:
        features: (N, D), as they come from the backbone.
        labels: int64 (N,), or int8 (N, K): 1 present, 0 absent, -1 not counted, which leaves the
            image out for that class.
        class_count: K. A class that tells no images apart is left out.
    """
    matrix = np.asarray(features, dtype=np.float64)
    one_hot = labels if labels.ndim == 2 else labels[:, None] == np.arange(class_count)
    of_all = _Spectrum(matrix)
    evidences = []
    for column in np.asarray(one_hot, dtype=np.int64).T:
        counted = column != NOT_COUNTED
        if len(np.unique(column[counted])) < 2:
            continue
        spectrum = of_all if counted.all() else _Spectrum(matrix[counted])
        evidences.append(spectrum.log_evidence(column[counted].astype(np.float64)))
    return float(np.mean(evidences))


class _Spectrum:
    """What the evidence of any targets needs to know of features (N, D)."""

    def __init__(self, features: np.ndarray) -> None:
        self.images, self.width = features.shape
        left, singular, _ = np.linalg.svd(features, full_matrices=False)
        kept = singular > singular[0] * max(features.shape) * np.finfo(np.float64).eps
        self.left, self.squares = left[:, kept], singular[kept] ** 2

    def log_evidence(self, targets: np.ndarray) -> float:
        """The highest log evidence of targets (N,) over alpha and beta, an image."""
        along = (self.left.T @ targets) ** 2
        outside = max(float(targets @ targets - along.sum()), 0.0)
        alpha = beta = 1.0
        for _ in range(_STEPS):
            ratio = alpha / beta
            shrunk = self.squares / (self.squares + ratio)
            length = float((along * self.squares / (self.squares + ratio) ** 2).sum())
            residual = outside + float((along * (1 - shrunk) ** 2).sum())
            used = float(shrunk.sum())  # effective number of weights
            alpha = used / max(length, _EXACT)
            beta = (self.images - used) / max(residual, _EXACT)
            if abs(alpha / beta - ratio) <= _TOLERANCE * ratio:
                break
        return float(self._evidence(alpha, beta, along, outside) / self.images)

    def _evidence(self, alpha: float, beta: float, along: np.ndarray, outside: float) -> float:
        """log N(y | 0, I / beta + F F' / alpha), by the eigenvalues of F F'."""
        variances = 1 / beta + self.squares / alpha
        rest = self.images - len(self.squares)
        determinant = float(np.log(variances).sum()) - rest * np.log(beta)
        distance = float((along / variances).sum()) + beta * outside
        return -0.5 * float(self.images * np.log(2 * np.pi) + determinant + distance)
