"""What every probe refuses: features that are broken or do not fit, labels that tell nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graft.errors import GraftError


def require_features(features: np.ndarray, labels: np.ndarray, class_names: Sequence[str]) -> None:
    """Check that features (N, D) are finite and fit labels (N,) or (N, K).

    Raises:
        GraftError: Not finite.
        ValueError: Of other shapes.
    """
    images = len(features)
    if features.ndim != 2 or labels.shape not in ((images,), (images, len(class_names))):
        raise ValueError(f"features {features.shape} and labels {labels.shape} do not fit (N, D)")
    _require_finite(features)


def require_width(features: np.ndarray, width: int, who: str) -> None:
    """Check features before a fitted probe is asked.

    Raises:
        GraftError: Of another width than it was fitted to, or not finite.
    """
    if features.ndim != 2 or features.shape[1] != width:
        raise GraftError(
            f"{who} was fitted to {width} features an image, got an array of shape "
            f"{features.shape}: extract them with the same features.taps and backbone"
        )
    _require_finite(features)


def require_some_difference(
    labels: np.ndarray, class_names: Sequence[str], who: str, parameters: str = ""
) -> None:
    """Refuse labels (N,) or (N, K) that tell nothing apart.

    Args:
        labels: Of the training images.
        class_names: K names.
        who: "an SVM" or the like.
        parameters: What else to check, after split.shots and split.train_size.

    Raises:
        GraftError: They hold a single class, or there is no class that some images show and others
            do not.
    """
    if labels.ndim == 1:
        found = np.unique(labels)
        if len(found) < 2:
            named = ", ".join(class_names[k] for k in found) or "none"
            raise GraftError(
                f"{who} separates at least two classes, but the {len(labels)} training images "
                f"hold only: {named}; check split.shots, split.train_size{parameters}"
            )
    elif not ((labels == 1).any(axis=0) & (labels == 0).any(axis=0)).any():
        raise GraftError(
            f"there is no class that some of the {len(labels)} training images show and others "
            "do not; check split.shots and split.train_size"
        )


def _require_finite(features: np.ndarray) -> None:
    broken = ~np.isfinite(features).all(axis=1)
    if broken.any():
        raise GraftError(
            f"the features of {int(broken.sum())} of {len(features)} images are not finite "
            f"(first: row {int(broken.argmax())}); check the checkpoint's weights, or extract "
            "with compute.precision fp32"
        )
