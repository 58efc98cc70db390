"""Nodes of `probes`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from graft.probes.extraction import Features
    from graft.probes.knn import KNNClassifier
    from graft.probes.linear_probe import LinearProbe


def fit_linear(features: Features, linear_probe: dict[str, Any], seed: int) -> LinearProbe:
    """Logistic regression on the training images; validation and test images stay unseen."""
    from graft.probes.linear_probe import LinearProbeRecipe, fit_linear_probe

    train, recipe = features.of("train"), LinearProbeRecipe.from_parameters(linear_probe)
    fitted = fit_linear_probe(train.matrix, train.labels, train.class_names, recipe, seed)
    return replace(fitted, metadata={**fitted.metadata, "data": features.metadata["data"]})


def fit_neighbours(features: Features, knn: dict[str, Any], seed: int) -> KNNClassifier:
    """The training images as neighbours of others."""
    from graft.probes.knn import KNNRecipe, fit_knn

    train, recipe = features.of("train"), KNNRecipe.from_parameters(knn)
    fitted = fit_knn(train.matrix, train.labels, train.class_names, recipe, seed)
    return replace(fitted, metadata={**fitted.metadata, "data": features.metadata["data"]})


def tabulate_search(linear_probe: LinearProbe, knn: KNNClassifier) -> pd.DataFrame:
    """What cross-validation tried, and what it chose."""
    from graft.probes.search import search_table

    return search_table(
        {"linear probe": linear_probe.metadata["search"], "k-NN": knn.metadata["search"]}
    )
