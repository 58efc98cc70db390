"""Nodes of `svm`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from graft.probes.extraction import Features
    from graft.probes.svm import SVMClassifier


def fit(features: Features, svm: dict[str, Any], seed: int) -> tuple[SVMClassifier, pd.DataFrame]:
    """Standardise and fit on the training images; validation and test images stay unseen.

    Returns:
        The machine, and what cross-validation tried to choose its constants.
    """
    from dataclasses import replace

    from graft.probes.search import search_table
    from graft.probes.svm import SVMRecipe, fit_svm

    train = features.of("train")
    recipe = SVMRecipe.from_parameters(svm)
    fitted = fit_svm(train.matrix, train.labels, train.class_names, recipe, seed)
    machine = replace(fitted, metadata={**fitted.metadata, "data": features.metadata["data"]})
    return machine, search_table({"SVM": fitted.metadata["search"]})
