"""Nodes of `learning_curves`."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from graft.pipelines.from_parameters import classifier_from_parameters, from_random_weights
from graft.pipelines.methods import FINETUNED, SCRATCH
from graft.pipelines.same_data import require_same_data

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from graft.images.store import ImageStore
    from graft.models.weights import BackboneWeights

Params = dict[str, Any]


def train_at_all_sizes(
    image_store: ImageStore,
    dataset_card: Params,
    pretrained_weights: BackboneWeights | None,
    model: Params,
    training: Params,
    scratch: Params,
    augmentation: Params,
    compute: Params,
    learning_curves: Params,
    seed: int,
) -> pd.DataFrame:
    """Transfer and scratch at each size with each seed: a row for each training."""
    import pandas as pd

    from graft.evaluation.learning_curves import with_fewer_labels
    from graft.progress import track

    require_same_data(image_store.digest, dataset_card=dataset_card)
    ways = {
        FINETUNED: (pretrained_weights, model, training),
        SCRATCH: (None, *from_random_weights(model, {**training, **scratch})),
    }
    seeds = range(seed, seed + learning_curves["seeds"])
    trainings = list(product(seeds, learning_curves["fractions"], ways))
    rows: list[Params] = []
    trained = set()
    for drawn, fraction, method in track(trainings, "Learning curves"):
        store = with_fewer_labels(image_store, fraction, drawn)
        # Of few images two shares may be the same ones.
        if (training_set := (drawn, method, store.digest)) in trained:
            continue
        trained.add(training_set)
        # Of the card a training only takes channel statistics, which know no labels.
        card = {**dataset_card, "data": store.digest}
        weights, network, recipe = ways[method]
        scores = _train(
            method,
            store,
            card,
            weights,
            network,
            recipe,
            augmentation,
            compute,
            learning_curves["least_steps"],
            drawn,
        )
        rows.append({"method": method, "fraction": fraction, "seed": drawn} | scores)
    return pd.DataFrame(rows)


def _train(
    method: str,
    store: ImageStore,
    card: Params,
    weights: BackboneWeights | None,
    model: Params,
    training: Params,
    augmentation: Params,
    compute: Params,
    least_steps: int,
    seed: int,
) -> Params:
    """One training: its size, length and scores on the parts of the store."""
    from graft.compute import resolve_compute
    from graft.evaluation.inference import predict_with_network
    from graft.evaluation.learning_curves import PARTS, enough_epochs, headline_score
    from graft.images.augmentation import policy_from_parameters
    from graft.training.checkpoint import restore_classifier
    from graft.training.recipe import TrainingRecipe
    from graft.training.session import train_classifier

    images = len(store.indices("train"))
    epochs = enough_epochs(training["epochs"], images, training["batch_size"], least_steps)
    resolved = resolve_compute(**compute)
    best = train_classifier(
        classifier_from_parameters(store, card, weights, model, seed),
        store,
        TrainingRecipe(**{**training, "epochs": epochs, "resume": "never"}),
        policy_from_parameters(augmentation),
        resolved,
        seed,
    ).best
    network = restore_classifier(best)
    scores = {
        part: headline_score(predict_with_network(network, store, part, resolved, method))
        if len(store.indices(part))
        else float("nan")
        for part in PARTS
    }
    seconds = best.metadata["train_seconds"]
    return {"train_images": images, "epochs": epochs, "seconds": seconds} | scores


def summarise_curves(
    learning_curve_points: pd.DataFrame, image_store: ImageStore, evaluation: Params
) -> tuple[pd.DataFrame, Params]:
    """Mean and deviation over the seeds; for each method what its curve says."""
    from graft.evaluation.baselines import majority_share
    from graft.evaluation.learning_curves import diagnose_curve, summarise
    from graft.evaluation.multi_label import mean_over_classes, prevalence

    labels = image_store.labels("test")
    if image_store.multi_label:  # the mean average precision of one answer to all images
        baseline = float(mean_over_classes(prevalence(labels)))
    else:
        baseline = majority_share(labels)
    diagnosis = {
        method: diagnose_curve(
            learning_curve_points,
            method,
            baseline,
            images=len(labels),
            confidence=evaluation["confidence"],
        ).to_json()
        for method in learning_curve_points["method"].unique()
    }
    return summarise(learning_curve_points, evaluation["confidence"]), diagnosis


def draw_learning_curves(
    learning_curve_table: pd.DataFrame,
    learning_curve_points: pd.DataFrame,
    image_store: ImageStore,
) -> Figure:
    """The test score and the gap to the training images, over the number of labelled images."""
    from graft.evaluation.comparison import ACCURACY, MEAN_AVERAGE_PRECISION
    from graft.evaluation.figures.learning_curves import learning_curves

    measure = MEAN_AVERAGE_PRECISION if image_store.multi_label else ACCURACY
    return learning_curves(learning_curve_table, learning_curve_points, measure)
