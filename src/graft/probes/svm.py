"""Support vector machines on the features of a network.

Features are standardised first: kernels and margins measure distances, and a dimension with large
numbers would drown the others. Two machines:

* ``rbf``: `SVC`, cost quadratic in the images; right for up to some ten thousand.
* ``linear``: `LinearSVC`, cost linear in the images. It is used at every size, although for few
  images `SVC(kernel="linear")` would do: the two differ in loss (squared hinge against hinge), and
  a switch between them would show up as a step in a learning curve.

Class membership is decided by the highest decision value; with the RBF kernel and several classes
it sums up the votes of one-against-one machines. Where an image may show several classes, there is
a machine for each of them, and it decides by the sign of its value. Decision values also rank
images for ROC and precision-recall curves; calibrated probabilities (`SVC(probability=True)`,
deprecated in scikit-learn 1.9) are not supported.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.classes import NOT_COUNTED, REST, class_index, one_against_rest
from graft.errors import GraftError
from graft.probes.machines import LINEAR_ITERATIONS, SVMRecipe, fit_machine, new_machine
from graft.probes.one_against_rest import OneAgainstRest, fit_one_against_rest

if TYPE_CHECKING:
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC, LinearSVC

__all__ = ["SVMClassifier", "SVMRecipe", "fit_svm"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class SVMClassifier:
    """A fitted machine.

    Attributes:
        scaler: Of the features.
        machine: Its classes are indices into `class_names`; `OneAgainstRest` where an image may
            show several classes.
        class_names: K names; ("rest", positive class) of a binary machine.
        metadata: JSON values: recipe, class_names (all those of the labels it was fitted to),
            training_images, feature_dimensions, support_vectors, converged, seed and seconds.
    """

    scaler: StandardScaler
    machine: SVC | LinearSVC | OneAgainstRest
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
        values = self.machine.decision_function(self.scaler.transform(features))
        if isinstance(self.machine, OneAgainstRest):
            return np.asarray(values, dtype=np.float32)
        if values.ndim == 1:
            values = np.stack([-values, values], axis=1)
        scores = np.full((len(features), len(self.class_names)), -np.inf, dtype=np.float32)
        scores[:, self.machine.classes_] = values
        return scores

    def targets(self, labels: np.ndarray) -> np.ndarray:
        """Labels in this machine's classes: themselves, or 1 for the positive class and else 0.

        Args:
            labels: int64 (N,), indices into the class names of the image store; of a multi-label
                task int8 (N, K).

        Returns:
            Of the same shape, or int64 (N,) of a binary machine, with -1 where a multi-label task
            does not count the positive class.
        """
        return _targets(labels, self.metadata["class_names"], self.metadata["recipe"])


def fit_svm(
    features: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    recipe: SVMRecipe,
    seed: int,
) -> SVMClassifier:
    """Fit a support vector machine, or one for each class where an image may show several.

    Args:
        features: (N, D), any floating type.
        labels: int64 (N,), indices into `class_names`; or of a multi-label task int8 (N, K), 1
            present, 0 absent, -1 not counted, which leaves the image out of that class's machine.
        class_names: K names, of the labels.
        recipe: Kernel and its constants.
        seed: Of the order in which the linear machine visits images; the rbf one has no chance
            in it.

    Raises:
        GraftError: An unknown kernel or positive class, a single class among the labels (no class
            that some images show and others do not), features that are not finite, or more images
            than the rbf machines of a multi-label task can take.
        ValueError: Features and labels of different length.
    """
    if features.ndim != 2 or labels.shape not in (
        (len(features),),
        (len(features), len(class_names)),
    ):
        raise ValueError(f"features {features.shape} and labels {labels.shape} do not fit (N, D)")
    _check_finite(features)
    settings = asdict(recipe)
    targets = _targets(labels, class_names, settings)
    if targets.ndim == 1:
        counted = targets != NOT_COUNTED
        features, targets = features[counted], targets[counted]
    names = tuple(class_names) if recipe.positive_class is None else (REST, recipe.positive_class)
    _check_targets(targets, names)
    started = time.perf_counter()
    scaler, machine, converged, supporting = _fit(features, targets, recipe, seed)
    seconds = time.perf_counter() - started
    metadata = {
        "recipe": settings,
        "class_names": list(class_names),
        "training_images": len(features),
        "feature_dimensions": features.shape[1],
        "support_vectors": supporting,
        "converged": converged,
        "seed": seed,
        "seconds": seconds,
    }
    return SVMClassifier(scaler, machine, names, metadata)


def _fit(
    features: np.ndarray, targets: np.ndarray, recipe: SVMRecipe, seed: int
) -> tuple[StandardScaler, SVC | LinearSVC | OneAgainstRest, bool, int]:
    """Scaler and machine, whether the solver reached its tolerance, how many support vectors."""
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler()
    scaled = scaler.fit_transform(features)
    machine: SVC | LinearSVC | OneAgainstRest
    if targets.ndim == 2:
        machine, converged = fit_one_against_rest(scaled, targets, recipe, seed)
    else:
        machine = new_machine(recipe, seed)
        converged = fit_machine(machine, scaled, targets)
    if not converged:
        logger.warning(
            "The linear SVM did not converge in %d iterations; a smaller svm.C (now %g) is easier",
            LINEAR_ITERATIONS,
            recipe.C,
        )
    return scaler, machine, converged, _count_support_vectors(machine, scaled, targets)


def _count_support_vectors(
    machine: SVC | LinearSVC | OneAgainstRest, scaled: np.ndarray, targets: np.ndarray
) -> int:
    """Training images that hold the boundary; removing any other changes nothing.

    `LinearSVC` does not tell, but with squared hinge loss they are the images within the margin,
    or beyond it, of at least one of the one-against-the-rest machines.
    """
    if isinstance(machine, OneAgainstRest):
        if machine.vectors is not None:
            return len(machine.vectors)
        values = machine.decision_function(scaled)
        own, counted = targets == 1, targets != NOT_COUNTED
    else:
        if hasattr(machine, "n_support_"):
            return int(machine.n_support_.sum())
        values = machine.decision_function(scaled)
        if values.ndim == 1:
            values = np.stack([-values, values], axis=1)
        own, counted = targets[:, None] == machine.classes_, np.array(True)
    return int(((np.where(own, values, -values) < 1) & counted).any(axis=1).sum())


def _targets(
    labels: np.ndarray, class_names: Sequence[str], settings: dict[str, Any]
) -> np.ndarray:
    positive_class = settings["positive_class"]
    if positive_class is None:
        return np.asarray(labels, dtype=np.int8 if labels.ndim == 2 else np.int64)
    positive = class_index(positive_class, class_names)
    if labels.ndim == 2:
        return labels[:, positive].astype(np.int64)
    return one_against_rest(labels, positive)


def _check_targets(targets: np.ndarray, names: tuple[str, ...]) -> None:
    """Refuse labels that tell nothing apart; say which classes of several tell nothing."""
    if targets.ndim == 1:
        if len(np.unique(targets)) < 2:
            found = ", ".join(names[k] for k in np.unique(targets)) or "none"
            raise GraftError(
                f"an SVM separates at least two classes, but the {len(targets)} training images "
                f"hold only: {found}; check split.shots, split.train_size and svm.positive_class"
            )
        return
    shown, absent = (targets == 1).any(axis=0), (targets == 0).any(axis=0)
    if not (shown & absent).any():
        raise GraftError(
            f"there is no class that some of the {len(targets)} training images show and others "
            "do not; check split.shots and split.train_size"
        )
    for kind, which in (("never", ~shown), ("always", shown & ~absent)):
        if which.any():
            logger.warning(
                "The SVM will %s claim %s: %s of the training images that count shows it",
                kind,
                ", ".join(names[k] for k in np.flatnonzero(which)),
                "none" if kind == "never" else "each",
            )


def _check_finite(features: np.ndarray) -> None:
    broken = ~np.isfinite(features).all(axis=1)
    if broken.any():
        raise GraftError(
            f"the features of {int(broken.sum())} of {len(features)} images are not finite "
            f"(first: row {int(broken.argmax())}); check the checkpoint's weights, or extract "
            "with compute.precision fp32"
        )
