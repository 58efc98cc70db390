"""Support vector machines on the features of a network.

Features are standardised first: kernels and margins measure distances, and a dimension with large
numbers would drown the others. `graft.probes.machines` says which machines there are.

Class membership is decided by the highest decision value; with the exact RBF kernel and several
classes it sums up the votes of one-against-one machines. Where an image may show several classes,
there is a machine for each of them, and it decides by the sign of its value. Decision values also
rank images for ROC and precision-recall curves; calibrated probabilities
(`SVC(probability=True)`, deprecated in scikit-learn 1.9) are not supported.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.classes import NOT_COUNTED, REST, class_index, one_against_rest
from graft.probes.checks import require_features, require_some_difference, require_width
from graft.probes.machines import (
    SVMRecipe,
    SVMSearch,
    explain_solver,
    fit_exact,
    scale_gamma,
    solver_for,
    takes_onedal,
)
from graft.probes.one_against_rest import Questions, fit_exact_labels, fit_linear, fit_nystroem
from graft.probes.plain_machines import PlainMachine
from graft.probes.search import Row, Setting, chosen, cross_validate

if TYPE_CHECKING:
    from sklearn.preprocessing import StandardScaler

__all__ = ["SVMClassifier", "SVMRecipe", "SVMSearch", "fit_svm"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class SVMClassifier:
    """A fitted machine.

    Attributes:
        scaler: Of the features.
        machine: Its classes are those of `class_names`.
        class_names: K names; ("rest", positive class) of a binary machine.
        metadata: JSON values: recipe (with the C and gamma that were chosen), class_names (all
            those of the labels it was fitted to), solver, onedal, training_images,
            feature_dimensions, support_vectors, converged, seed, seconds, search (a row for each
            setting that cross-validation tried) and search_seconds.
    """

    scaler: StandardScaler
    machine: PlainMachine
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
        require_width(features, self.metadata["feature_dimensions"], "the SVM")
        values = self.machine.decision_function(self.scaler.transform(features))
        return np.asarray(values, dtype=np.float32)

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

    A C or gamma that is "auto" is chosen before, by cross-validation on these images.

    Args:
        features: (N, D), any floating type.
        labels: int64 (N,), indices into `class_names`; or of a multi-label task int8 (N, K), 1
            present, 0 absent, -1 not counted, which leaves the image out of that class's machine.
        class_names: K names, of the labels.
        recipe: Kernel and its constants.
        seed: Of the folds of cross-validation and of the landmarks; a machine itself has no chance
            in it.

    Raises:
        GraftError: An unknown kernel or positive class, a single class among the labels (no class
            that some images show and others do not), features that are not finite, or more images
            than the exact rbf machines of a multi-label task can take.
        ValueError: Features and labels of different length.
    """
    require_features(features, labels, class_names)
    settings = asdict(recipe)
    del settings["search"]  # what it found is kept instead
    targets = _targets(labels, class_names, settings)
    if targets.ndim == 1:
        counted = targets != NOT_COUNTED
        features, targets = features[counted], targets[counted]
    names = tuple(class_names) if recipe.positive_class is None else (REST, recipe.positive_class)
    _check_targets(targets, names)
    problem = _Problem(features, targets, len(names), recipe, seed)
    several_labels = targets.ndim == 2
    explained = explain_solver(problem.solver, recipe, len(features), several_labels=several_labels)
    logger.info("%s.", explained)
    started = time.perf_counter()
    rows = problem.search()
    searched = time.perf_counter() - started
    constants = {"C": recipe.C, "gamma": problem.gamma}
    if rows:
        constants |= {name: value for name, value in chosen(rows).items() if name in constants}
    started = time.perf_counter()
    scaler, ((machine, converged),) = problem.fit(features, targets, [constants])
    seconds = time.perf_counter() - started
    if not converged:
        logger.warning("The SVM did not converge; a smaller svm.C is easier: %s", constants["C"])
    metadata = {
        "recipe": settings | {"C": constants["C"], "gamma": constants["gamma"]},
        "class_names": list(class_names),
        "solver": problem.solver,
        "onedal": problem.solver == "exact"
        and takes_onedal(recipe, len(features), several_labels=several_labels),
        "training_images": len(features),
        "feature_dimensions": features.shape[1],
        "support_vectors": _count_support_vectors(machine, scaler, features, targets),
        "converged": converged,
        "seed": seed,
        "seconds": seconds,
        "search": rows,
        "search_seconds": searched if rows else 0.0,
    }
    return SVMClassifier(scaler, machine, names, metadata)


class _Problem:
    """Images to tell apart, and how."""

    def __init__(
        self,
        features: np.ndarray,
        targets: np.ndarray,
        class_count: int,
        recipe: SVMRecipe,
        seed: int,
    ) -> None:
        self.features, self.targets, self.class_count = features, targets, class_count
        self.recipe, self.seed = recipe, seed
        self.solver = solver_for(recipe, len(features), several_labels=targets.ndim == 2)
        self.gamma = self._gamma()

    def _gamma(self) -> float | None:
        """The recipe's gamma, or "scale" as a number; None of a linear machine."""
        from sklearn.preprocessing import StandardScaler

        if self.solver == "linear":
            return None
        if not isinstance(self.recipe.gamma, str):
            return self.recipe.gamma
        return scale_gamma(StandardScaler().fit_transform(self.features))

    def search(self) -> list[Row]:
        """What cross-validation finds; no rows where there is nothing to choose."""
        recipe = self.recipe
        prices = sorted(recipe.search.C) if recipe.C == "auto" else [recipe.C]
        gammas = [self.gamma]
        if recipe.gamma == "auto" and self.gamma is not None:
            gammas = [self.gamma * factor for factor in sorted(recipe.search.gamma)]
        if recipe.C != "auto" and len(gammas) == 1:
            return []
        groups = [[{"C": price, "gamma": gamma} for price in prices] for gamma in gammas]
        if self.solver == "exact":  # which fits one machine after the other
            groups = [[setting] for group in groups for setting in group]

        def score(
            train: np.ndarray, held: np.ndarray, group: Sequence[Setting]
        ) -> list[np.ndarray]:
            scaler, fitted = self.fit(self.features[train], self.targets[train], group)
            scaled = scaler.transform(self.features[held])
            return [machine.decision_function(scaled) for machine, _ in fitted]

        return cross_validate(
            self.targets,
            groups,
            score,
            class_count=self.class_count,
            folds=recipe.search.folds,
            seed=self.seed,
            what="C and gamma of the SVM" if len(gammas) > 1 else "C of the SVM",
        )

    def fit(
        self, features: np.ndarray, targets: np.ndarray, group: Sequence[Setting]
    ) -> tuple[StandardScaler, list[tuple[PlainMachine, bool]]]:
        """A scaler, and for each setting (of one gamma) a machine and whether it converged."""
        from sklearn.preprocessing import StandardScaler

        recipe, gamma = self.recipe, group[0]["gamma"]
        prices = [float(setting["C"]) for setting in group]
        scaler = StandardScaler()
        scaled = scaler.fit_transform(features)
        if self.solver == "exact" and targets.ndim == 1:
            return scaler, [
                (fit_exact(scaled, targets, self.class_count, recipe, price, gamma), True)
                for price in prices
            ]
        questions = Questions.of(targets, self.class_count, recipe.class_weight)
        if self.solver == "exact":
            return scaler, [
                (fit_exact_labels(scaled, questions, recipe, price, gamma), True)
                for price in prices
            ]
        if self.solver == "nystroem":
            return scaler, fit_nystroem(
                scaled, questions, prices, gamma, recipe.landmarks, self.seed
            )
        return scaler, fit_linear(scaled, questions, prices)


def _count_support_vectors(
    machine: PlainMachine, scaler: StandardScaler, features: np.ndarray, targets: np.ndarray
) -> int:
    """Training images that hold the boundary; removing any other changes nothing.

    Those that an rbf machine keeps, which of an approximate one are its landmarks; of a linear one
    they are the images within the margin, or beyond it, of at least one of the machines of one
    class against the rest.
    """
    if machine.vectors is not None:
        return len(machine.vectors)
    values = machine.decision_function(scaler.transform(features))
    labels = Questions.of(targets, machine.class_count, None).labels
    margins = np.where(labels == 1, values, -values)
    return int(((margins < 1) & (labels != NOT_COUNTED)).any(axis=1).sum())


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
    require_some_difference(targets, names, "an SVM", " and svm.positive_class")
    if targets.ndim == 1:
        return
    shown, absent = (targets == 1).any(axis=0), (targets == 0).any(axis=0)
    for kind, which in (("never", ~shown), ("always", shown & ~absent)):
        if which.any():
            logger.warning(
                "The SVM will %s claim %s: %s of the training images that count shows it",
                kind,
                ", ".join(names[k] for k in np.flatnonzero(which)),
                "none" if kind == "never" else "each",
            )
