"""Nodes of `svm`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graft.probes.extraction import Features
    from graft.probes.svm import SVMClassifier


def fit(features: Features, svm: dict[str, Any], seed: int) -> SVMClassifier:
    """Standardise and fit on the training images; validation and test images stay unseen."""
    from dataclasses import replace

    from graft.probes.svm import SVMRecipe, fit_svm

    train = features.of("train")
    fitted = fit_svm(train.matrix, train.labels, train.class_names, SVMRecipe(**svm), seed)
    return replace(fitted, metadata={**fitted.metadata, "data": features.metadata["data"]})
