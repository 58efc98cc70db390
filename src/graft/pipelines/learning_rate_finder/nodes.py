"""Nodes of `learning_rate_finder`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graft.pipelines.from_parameters import classifier_from_parameters

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from graft.images.store import ImageStore
    from graft.models.weights import BackboneWeights

Params = dict[str, Any]


def search(
    image_store: ImageStore,
    dataset_card: Params,
    pretrained_weights: BackboneWeights | None,
    model: Params,
    training: Params,
    augmentation: Params,
    compute: Params,
    learning_rate_finder: Params,
    seed: int,
) -> pd.DataFrame:
    """Train a few batches of the training images at rising rates; what comes of it is dropped."""
    from graft.compute import resolve_compute
    from graft.images.augmentation import policy_from_parameters
    from graft.models.workload import workload_of
    from graft.training.learning_rate_finder import search_learning_rates
    from graft.training.recipe import TrainingRecipe

    classifier = classifier_from_parameters(
        image_store, dataset_card, pretrained_weights, model, seed
    )
    workload = workload_of(classifier, image_store.images.shape[1])
    return search_learning_rates(
        classifier,
        image_store,
        TrainingRecipe(**training),
        policy_from_parameters(augmentation),
        resolve_compute(**compute, workload=workload),
        seed,
        **learning_rate_finder,
    )


def suggest(learning_rate_search: pd.DataFrame) -> tuple[Params, Figure]:
    """The rate to take as `training.learning_rate`, and the curve that says so."""
    from graft.evaluation.figures import learning_rate_curve
    from graft.training.learning_rate_finder import suggest_learning_rate

    suggestion = suggest_learning_rate(learning_rate_search)
    return suggestion._asdict(), learning_rate_curve(learning_rate_search, suggestion)
