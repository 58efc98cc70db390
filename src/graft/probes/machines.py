"""One support vector machine of scikit-learn: its recipe, and fitting it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from graft.errors import GraftError

if TYPE_CHECKING:
    import numpy as np
    from sklearn.svm import SVC, LinearSVC

LINEAR_ITERATIONS = 5_000  # liblinear's default of 1,000 stops early on wide features
_KERNEL_CACHE_MB = 500  # holds the whole kernel of 11,000 images


@dataclass(frozen=True)
class SVMRecipe:
    """How the machine is fitted; `svm` in the parameters.

    Attributes:
        kernel: "rbf" or "linear".
        C: Price of an image inside the margin; higher fits the training images closer.
        gamma: Of the rbf kernel exp(-gamma · distance²): "scale", "auto" or a number.
        positive_class: Learn this class against all the rest; None learns every class.
        class_weight: "balanced" weighs classes by the inverse of their counts; None does not.
    """

    kernel: Literal["linear", "rbf"] = "rbf"
    C: float = 10.0
    gamma: Literal["scale", "auto"] | float = "scale"
    positive_class: str | None = None
    class_weight: Literal["balanced"] | None = None


def new_machine(recipe: SVMRecipe, seed: int, *, kernel_given: bool = False) -> SVC | LinearSVC:
    """An unfitted machine.

    Args:
        recipe: Kernel and its constants.
        seed: Of the order in which the linear machine visits images; the rbf one has no chance
            in it.
        kernel_given: The rbf machine gets kernel values (N, N) for features.

    Raises:
        GraftError: An unknown kernel.
    """
    from sklearn.svm import SVC, LinearSVC

    if recipe.kernel == "linear":
        return LinearSVC(
            C=recipe.C,
            dual="auto",
            class_weight=recipe.class_weight,
            max_iter=LINEAR_ITERATIONS,
            random_state=seed,
        )
    if recipe.kernel == "rbf":
        return SVC(
            kernel="precomputed" if kernel_given else "rbf",
            C=recipe.C,
            gamma=recipe.gamma,
            class_weight=recipe.class_weight,
            decision_function_shape="ovr",
            break_ties=True,  # so that predict() agrees with the highest decision value
            cache_size=_KERNEL_CACHE_MB,
        )
    raise GraftError(f"svm.kernel is {recipe.kernel!r}; it can be 'linear' or 'rbf'")


def fit_machine(machine: SVC | LinearSVC, features: np.ndarray, targets: np.ndarray) -> bool:
    """Fit a machine to features (N, D) and classes (N,); whether it reached its tolerance."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        machine.fit(features, targets)
    return not any(issubclass(told.category, ConvergenceWarning) for told in caught)
