"""Support vector machines on the features of a network.

Features are standardised first: kernels and margins measure distances, and a dimension with large
numbers would drown the others. Two machines:

* ``rbf``: `SVC`, cost quadratic in the images; right for up to some ten thousand.
* ``linear``: `LinearSVC`, cost linear in the images. It is used at every size, although for few
  images `SVC(kernel="linear")` would do: the two differ in loss (squared hinge against hinge), and
  a switch between them would show up as a step in a learning curve.

Class membership is decided by the highest decision value; with the RBF kernel and several classes
it sums up the votes of one-against-one machines. Decision values also rank images for ROC and
precision-recall curves; calibrated probabilities
(`SVC(probability=True)`, deprecated in scikit-learn 1.9) are not supported.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from graft.classes import REST, class_index, one_against_rest
from graft.errors import GraftError

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline
    from sklearn.svm import SVC, LinearSVC

logger = logging.getLogger(__name__)

_LINEAR_ITERATIONS = 5_000  # liblinear's default of 1,000 stops early on wide features
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


@dataclass(frozen=True, eq=False)
class SVMClassifier:
    """A fitted machine.

    Attributes:
        pipeline: StandardScaler and SVC or LinearSVC; its classes are indices into `class_names`.
        class_names: K names; ("rest", positive class) of a binary machine.
        metadata: JSON values: recipe, class_names (all those of the labels it was fitted to),
            training_images, feature_dimensions, support_vectors, converged, seed and seconds.
    """

    pipeline: Pipeline
    class_names: tuple[str, ...]
    metadata: dict[str, Any]

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Decision values, one class against the rest.

        Args:
            features: (N, D), any floating type.

        Returns:
            float32 (N, K). Two classes: (-d, d) with d > 0 for the second. A class without
            training images scores -inf, so it is never chosen.

        Raises:
            GraftError: Features of another width than those fitted to, or not finite.
        """
        width = self.metadata["feature_dimensions"]
        if features.ndim != 2 or features.shape[1] != width:
            raise GraftError(
                f"the SVM was fitted to {width} features an image, got an array of shape "
                f"{features.shape}: extract them with the same features.taps and backbone"
            )
        _check_finite(features)
        values = self.pipeline.decision_function(features)
        if values.ndim == 1:
            values = np.stack([-values, values], axis=1)
        scores = np.full((len(features), len(self.class_names)), -np.inf, dtype=np.float32)
        scores[:, self.pipeline.classes_] = values
        return scores

    def targets(self, labels: np.ndarray) -> np.ndarray:
        """Labels in this machine's classes: themselves, or 1 for the positive class and else 0.

        Args:
            labels: int64 (N,), indices into the class names of the image store.
        """
        return _targets(labels, self.metadata["class_names"], self.metadata["recipe"])


def fit_svm(
    features: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    recipe: SVMRecipe,
    seed: int,
) -> SVMClassifier:
    """Fit a support vector machine.

    Args:
        features: (N, D), any floating type.
        labels: int64 (N,), indices into `class_names`.
        class_names: Of the labels.
        recipe: Kernel and its constants.
        seed: Of the order in which the linear machine visits images; the rbf one has no chance
            in it.

    Raises:
        GraftError: An unknown kernel or positive class, a single class among the labels, or
            features that are not finite.
        ValueError: Features and labels of different length.
    """
    if features.ndim != 2 or labels.shape != (len(features),):
        raise ValueError(f"features {features.shape} and labels {labels.shape} do not fit (N, D)")
    _check_finite(features)
    settings = asdict(recipe)
    targets = _targets(labels, class_names, settings)
    names = tuple(class_names) if recipe.positive_class is None else (REST, recipe.positive_class)
    if len(np.unique(targets)) < 2:
        found = ", ".join(names[k] for k in np.unique(targets)) or "none"
        raise GraftError(
            f"an SVM separates at least two classes, but the {len(targets)} training images hold "
            f"only: {found}; check split.shots, split.train_size and svm.positive_class"
        )
    started = time.perf_counter()
    pipeline, converged = _fit(features, targets, recipe, seed)
    seconds = time.perf_counter() - started
    metadata = {
        "recipe": settings,
        "class_names": list(class_names),
        "training_images": len(features),
        "feature_dimensions": features.shape[1],
        "support_vectors": _count_support_vectors(pipeline, features, targets),
        "converged": converged,
        "seed": seed,
        "seconds": seconds,
    }
    return SVMClassifier(pipeline, names, metadata)


def _fit(
    features: np.ndarray, targets: np.ndarray, recipe: SVMRecipe, seed: int
) -> tuple[Pipeline, bool]:
    """The fitted pipeline, and whether the solver reached its tolerance."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = make_pipeline(StandardScaler(), _machine(recipe, seed))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        pipeline.fit(features, targets)
    converged = not any(issubclass(told.category, ConvergenceWarning) for told in caught)
    if not converged:
        logger.warning(
            "The linear SVM did not converge in %d iterations; a smaller svm.C (now %g) is easier",
            _LINEAR_ITERATIONS,
            recipe.C,
        )
    return pipeline, converged


def _machine(recipe: SVMRecipe, seed: int) -> SVC | LinearSVC:
    from sklearn.svm import SVC, LinearSVC

    if recipe.kernel == "linear":
        return LinearSVC(
            C=recipe.C,
            dual="auto",
            class_weight=recipe.class_weight,
            max_iter=_LINEAR_ITERATIONS,
            random_state=seed,
        )
    if recipe.kernel == "rbf":
        return SVC(
            C=recipe.C,
            gamma=recipe.gamma,
            class_weight=recipe.class_weight,
            decision_function_shape="ovr",
            break_ties=True,  # so that predict() agrees with the highest decision value
            cache_size=_KERNEL_CACHE_MB,
        )
    raise GraftError(f"svm.kernel is {recipe.kernel!r}; it can be 'linear' or 'rbf'")


def _count_support_vectors(pipeline: Pipeline, features: np.ndarray, targets: np.ndarray) -> int:
    """Training images that hold the boundary; removing any other changes nothing.

    `LinearSVC` does not tell, but with squared hinge loss they are the images within the margin,
    or beyond it, of at least one of the one-against-the-rest machines.
    """
    machine = pipeline[-1]
    if hasattr(machine, "n_support_"):
        return int(machine.n_support_.sum())
    values = pipeline.decision_function(features)
    if values.ndim == 1:
        values = np.stack([-values, values], axis=1)
    own = targets[:, None] == pipeline.classes_
    return int((np.where(own, values, -values) < 1).any(axis=1).sum())


def _targets(
    labels: np.ndarray, class_names: Sequence[str], settings: dict[str, Any]
) -> np.ndarray:
    positive_class = settings["positive_class"]
    if positive_class is None:
        return np.asarray(labels, dtype=np.int64)
    return one_against_rest(labels, class_index(positive_class, class_names))


def _check_finite(features: np.ndarray) -> None:
    broken = ~np.isfinite(features).all(axis=1)
    if broken.any():
        raise GraftError(
            f"the features of {int(broken.sum())} of {len(features)} images are not finite "
            f"(first: row {int(broken.argmax())}); check the checkpoint's weights, or extract "
            "with compute.precision fp32"
        )
