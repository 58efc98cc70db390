"""How a support vector machine is fitted, and which solver does it.

Three solvers:

* ``linear``: our own, at every size (`graft.probes.newton`), to the minimum that scikit-learn's
  `LinearSVC` looks for: squared hinge loss, one class against the rest, the intercept penalised
  like a weight.
* ``rbf``, exact: `SVC` of scikit-learn, or the same from oneDAL where scikit-learn-intelex is
  installed: three to eight times faster, the same decisions. Cost is quadratic in the images.
* ``rbf``, approximate: kernel values with some landmarks stand for all of them (Williams and Seeger
  2001, Using the Nyström method to speed up kernel machines), and the linear solver does the rest.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from graft.errors import GraftError
from graft.probes.plain_machines import PlainMachine, from_svc

if TYPE_CHECKING:
    from sklearn.svm import SVC

logger = logging.getLogger(__name__)

MOST_EXACT = 10_000  # images that the exact rbf machine is fitted to unless told otherwise
FASTER = "; with the extra 'intelex' it would be faster"
LEAST_FOR_ONEDAL = 2_000  # images; with fewer, importing it takes longer than it saves
_MOST_AT_ALL = 20_000  # whose kernel takes 3 GiB, where several labels share it
_KERNEL_CACHE_MB = 500  # holds the whole kernel of 11,000 images

Number = float | Literal["auto"]


@dataclass(frozen=True)
class SVMSearch:
    """What cross-validation on the training images tries.

    Attributes:
        C: Prices, where the recipe's is "auto".
        gamma: Factors of gamma: scale, likewise.
        folds: Parts of the training images.
    """

    C: tuple[float, ...] = (0.001, 0.01, 0.1, 1.0, 10.0)
    gamma: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0)
    folds: int = 5


@dataclass(frozen=True)
class SVMRecipe:
    """How the machine is fitted; `svm` in the parameters.

    Attributes:
        kernel: "rbf" or "linear".
        C: Price of an image inside the margin; higher fits the training images closer. "auto" is
            chosen by cross-validation.
        gamma: Of the rbf kernel exp(-gamma · distance²): a number; "scale", which is the inverse of
            the features' number times their variance; or "auto", chosen by cross-validation.
        positive_class: Learn this class against all the rest; None learns every class.
        class_weight: "balanced" weighs classes by the inverse of their counts; None does not.
        approximation: Of the rbf kernel: "exact", "nystroem", or "auto", which is exact for up to
            `MOST_EXACT` images.
        landmarks: Training images that the approximation compares all others with.
        onedal: "never", or "auto": the exact rbf machine is fitted by oneDAL where it is installed
            and there are at least `LEAST_FOR_ONEDAL` images.
        search: What "auto" tries.
    """

    kernel: Literal["linear", "rbf"] = "rbf"
    C: Number = 10.0
    gamma: Literal["scale", "auto"] | float = "scale"
    positive_class: str | None = None
    class_weight: Literal["balanced"] | None = None
    approximation: Literal["auto", "exact", "nystroem"] = "auto"
    landmarks: int = 2_000
    onedal: Literal["auto", "never"] = "auto"
    search: SVMSearch = SVMSearch()

    @classmethod
    def from_parameters(cls, svm: dict[str, Any]) -> SVMRecipe:
        """Of the `svm` parameters."""
        search = svm["search"]
        chosen = SVMSearch(tuple(search["C"]), tuple(search["gamma"]), search["folds"])
        return cls(**{**svm, "search": chosen})


def solver_for(recipe: SVMRecipe, images: int, *, several_labels: bool) -> str:
    """ "linear", "exact" or "nystroem".

    Raises:
        GraftError: An unknown kernel, or more images than the exact machines of several labels
            have room for.
    """
    if recipe.kernel == "linear":
        return "linear"
    if recipe.kernel != "rbf":
        raise GraftError(f"svm.kernel is {recipe.kernel!r}; it can be 'linear' or 'rbf'")
    if recipe.approximation == "auto":
        return "exact" if images <= MOST_EXACT else "nystroem"
    if recipe.approximation == "exact" and several_labels and images > _MOST_AT_ALL:
        raise GraftError(
            f"svm.approximation is 'exact', which compares all pairs of {images:,} training "
            f"images; for several labels an image at most {_MOST_AT_ALL:,}. "
            "Take svm.approximation 'auto'"
        )
    return recipe.approximation


def takes_onedal(recipe: SVMRecipe, images: int, *, several_labels: bool = False) -> bool:
    """Whether the exact rbf machine is fitted by oneDAL, which takes no kernel that is given."""
    if recipe.onedal == "never" or images < LEAST_FOR_ONEDAL or several_labels:
        return False
    return find_spec("sklearnex") is not None


def explain_solver(solver: str, recipe: SVMRecipe, images: int, *, several_labels: bool) -> str:
    """Which solver it is and why, for the log."""
    if solver == "linear":
        return "Linear SVM: all classes at once by Newton's method, LinearSVC's minimum"
    why = "as svm.approximation says"
    if recipe.approximation == "auto":
        why = f"{images:,} training images are {'over' if images > MOST_EXACT else 'up to'} "
        why += f"{MOST_EXACT:,}"
    if solver == "nystroem":
        return f"RBF SVM: approximate, {recipe.landmarks:,} landmarks ({why})"
    if takes_onedal(recipe, images, several_labels=several_labels):
        return f"RBF SVM: exact ({why}), by oneDAL, for scikit-learn-intelex is installed"
    faster = images >= LEAST_FOR_ONEDAL and recipe.onedal == "auto" and not several_labels
    return f"RBF SVM: exact ({why}), by scikit-learn{FASTER if faster else ''}"


def new_machine(
    recipe: SVMRecipe, price: float, gamma: float, *, by_onedal: bool, kernel_given: bool = False
) -> SVC:
    """An unfitted exact rbf machine.

    Args:
        recipe: Class weights and library.
        price: C.
        gamma: Of the kernel.
        by_onedal: As `takes_onedal` says.
        kernel_given: It gets kernel values (N, N) for features, which oneDAL does not know.
    """
    if by_onedal:
        from sklearnex.svm import SVC
    else:
        from sklearn.svm import SVC
    return SVC(
        kernel="precomputed" if kernel_given else "rbf",
        C=price,
        gamma=gamma,
        class_weight=recipe.class_weight,
        cache_size=_KERNEL_CACHE_MB,
    )


def fit_exact(
    features: np.ndarray,
    classes: np.ndarray,
    class_count: int,
    recipe: SVMRecipe,
    price: float,
    gamma: float,
) -> PlainMachine:
    """The rbf machine of `SVC`: one class against one other, for each pair of them.

    Args:
        features: float32 (N, D), standardised.
        classes: int64 (N,), positions among `class_count`; at least two of them.
        class_count: K.
        recipe: Class weights and library.
        price: C.
        gamma: Of the kernel.
    """
    by_onedal = takes_onedal(recipe, len(features))
    machine = new_machine(recipe, price, gamma, by_onedal=by_onedal)
    machine.fit(features, classes)
    return from_svc(machine, gamma, class_count)


def scale_gamma(features: np.ndarray) -> float:
    """What scikit-learn calls "scale": 1 / (D · variance of all features)."""
    variance = float(features.var())
    return 1.0 / (int(features.shape[1]) * variance) if variance else 1.0
