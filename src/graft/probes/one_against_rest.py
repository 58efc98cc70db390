"""A machine for each class of several labels: does the image show it, or not?

The rbf machines share one kernel, computed once, which all but removes what several of them cost:
20 classes on 2,500 images of 1,024 features take 1.8 s of a processor instead of 33 s. They also
share their support vectors, of which an image is kept once. Fitting machines in threads was
measured and gained nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graft.classes import NOT_COUNTED
from graft.errors import GraftError
from graft.probes.machines import fit_machine, new_machine

if TYPE_CHECKING:
    from sklearn.svm import SVC, LinearSVC

    from graft.probes.machines import SVMRecipe

_MOST_IMAGES = 20_000  # whose kernel takes 3 GiB, and as much again where some do not count
_KERNEL_VALUES = 2**26  # at a time in prediction (256 MiB)


@dataclass(frozen=True, eq=False)
class OneAgainstRest:
    """K fitted machines.

    Attributes:
        vectors: float32 (S, D), the training images that support at least one of the rbf machines;
            None of linear ones.
        gamma: Of the rbf kernel; None of linear machines.
        weights: float64 (S, K) of the support vectors, or (D, K) of the features.
        intercepts: float64 (K,); -inf of a class that no training image shows, inf of one that all
            of them show.
    """

    vectors: np.ndarray | None
    gamma: float | None
    weights: np.ndarray
    intercepts: np.ndarray

    def decision_function(self, features: np.ndarray) -> np.ndarray:
        """Decision values float64 (N, K) of features (N, D), above 0 for "it shows the class"."""
        from sklearn.metrics.pairwise import rbf_kernel

        if self.vectors is None:
            return np.asarray(features @ self.weights + self.intercepts)
        chunks = -(-len(features) * max(1, len(self.vectors)) // _KERNEL_VALUES)
        values = [
            rbf_kernel(chunk, self.vectors, gamma=self.gamma) @ self.weights
            for chunk in np.array_split(features, max(1, chunks))
        ]
        return np.asarray(np.concatenate(values) + self.intercepts)


def fit_one_against_rest(
    features: np.ndarray, labels: np.ndarray, recipe: SVMRecipe, seed: int
) -> tuple[OneAgainstRest, bool]:
    """Fit a machine for each class, on the images in which it is counted.

    Args:
        features: float32 (N, D), standardised.
        labels: int8 (N, K): 1 present, 0 absent, -1 not counted.
        recipe: Kernel and its constants; gamma: scale is that of all these images.
        seed: As of `new_machine`.

    Returns:
        The machines, and whether all of them reached their tolerance.

    Raises:
        GraftError: More images than the rbf kernel has room for, or an unknown kernel.
    """
    if recipe.kernel != "rbf":
        return _fit_linear(features, labels, recipe, seed)
    from sklearn.metrics.pairwise import rbf_kernel

    if len(features) > _MOST_IMAGES:
        raise GraftError(
            f"svm.kernel is 'rbf', which compares all pairs of training images, here of "
            f"{len(features):,}; for several labels an image at most {_MOST_IMAGES:,}. Take "
            "svm.kernel 'linear', or fewer images by split.train_size"
        )
    gamma = _gamma(features, recipe)
    kernel = rbf_kernel(features, gamma=gamma).astype(np.float64)
    weights, intercepts = np.zeros(labels.shape), _intercepts(labels)
    converged = True
    for k in np.flatnonzero(np.isfinite(intercepts)):
        rows = np.flatnonzero(labels[:, k] != NOT_COUNTED)
        among_rows = kernel if len(rows) == len(labels) else kernel[np.ix_(rows, rows)]
        machine: SVC = new_machine(recipe, seed, kernel_given=True)
        converged &= fit_machine(machine, among_rows, labels[rows, k])
        weights[rows[machine.support_], k] = machine.dual_coef_[0]
        intercepts[k] = machine.intercept_[0]
    supporting = (weights != 0).any(axis=1)
    fitted = OneAgainstRest(features[supporting], gamma, weights[supporting], intercepts)
    return fitted, converged


def _fit_linear(
    features: np.ndarray, labels: np.ndarray, recipe: SVMRecipe, seed: int
) -> tuple[OneAgainstRest, bool]:
    weights, intercepts = np.zeros((features.shape[1], labels.shape[1])), _intercepts(labels)
    converged = True
    for k in np.flatnonzero(np.isfinite(intercepts)):
        rows = labels[:, k] != NOT_COUNTED
        machine: LinearSVC = new_machine(recipe, seed)
        converged &= fit_machine(machine, features[rows], labels[rows, k])
        weights[:, k], intercepts[k] = machine.coef_[0], machine.intercept_[0]
    return OneAgainstRest(None, None, weights, intercepts), converged


def _intercepts(labels: np.ndarray) -> np.ndarray:
    """float64 (K,): -inf where no image shows the class, inf where all do, 0 to be fitted."""
    shown, absent = (labels == 1).any(axis=0), (labels == 0).any(axis=0)
    return np.where(~shown, -np.inf, np.where(~absent, np.inf, 0.0))


def _gamma(features: np.ndarray, recipe: SVMRecipe) -> float:
    """The number that scikit-learn's `SVC` takes for the recipe's gamma."""
    if recipe.gamma != "scale":
        return 1.0 / int(features.shape[1]) if recipe.gamma == "auto" else recipe.gamma
    variance = float(features.var())
    return 1.0 / (int(features.shape[1]) * variance) if variance else 1.0
