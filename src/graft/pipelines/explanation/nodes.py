"""Nodes of `explanation`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graft.pipelines.same_data import require_same_data

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from graft.images.store import ImageStore
    from graft.probes.extraction import Features
    from graft.training.checkpoint import Checkpoint

Params = dict[str, Any]

GRAD_CAM_IMAGES = 12
MAPPED_IMAGES = 1000  # t-SNE takes about 3 s for so many


def draw_prediction_grid(
    image_store: ImageStore, network_predictions: pd.DataFrame, seed: int
) -> Figure:
    """Some right and some wrong answers of the fine-tuned network, with their probabilities."""
    from graft.evaluation.figures import prediction_grid
    from graft.evaluation.predictions import Predictions

    images = image_store.images[image_store.indices("test")]
    return prediction_grid(images, Predictions.from_frame(network_predictions), seed=seed)


def draw_filters(best_checkpoint: Checkpoint) -> Figure:
    """The filters of the fine-tuned network's first convolution."""
    from graft.evaluation import explanation, figures
    from graft.training.checkpoint import restore_classifier

    model = restore_classifier(best_checkpoint)
    return figures.first_layer_filters(*explanation.first_layer_filters(model))


def draw_grad_cam(
    best_checkpoint: Checkpoint,
    image_store: ImageStore,
    network_predictions: pd.DataFrame,
    compute: Params,
    seed: int,
) -> Figure:
    """What speaks for the class that the network decided for, in a few test images.

    Half of them are its most confident mistakes, where there are so many, the others right answers
    at random. Networks without positions get a figure that says so.
    """
    import numpy as np

    from graft.compute import resolve_compute
    from graft.errors import GraftError
    from graft.evaluation import explanation, figures
    from graft.evaluation.predictions import Predictions
    from graft.training.checkpoint import restore_classifier

    require_same_data(image_store.digest, best_checkpoint=best_checkpoint.metadata)
    predictions = Predictions.from_frame(network_predictions)
    likeliest = predictions.scores.argmax(axis=1)
    confidence = predictions.scores.max(axis=1)
    surest_first = np.argsort(-confidence, kind="stable")
    wrong = surest_first[~predictions.correct[surest_first]][: GRAD_CAM_IMAGES // 2]
    right = np.random.default_rng(seed).permutation(np.flatnonzero(predictions.correct))
    chosen = np.concatenate([wrong, right[: GRAD_CAM_IMAGES - len(wrong)]])
    rows = image_store.indices("test")[chosen]
    images = image_store.images[rows]
    try:
        found = explanation.grad_cam(
            restore_classifier(best_checkpoint),
            images,
            likeliest[chosen],
            resolve_compute(**compute),
        )
    except GraftError as error:
        return figures.in_words(str(error))
    titles = [
        f"{predictions.class_names[likeliest[row]]} ({confidence[row]:.2f})\nis {shown}"
        for row, shown in zip(chosen, image_store.captions(rows), strict=True)
    ]
    heading = (
        f"Grad-CAM at {found.stage} ({found.cells[1]} × {found.cells[0]} cells): "
        "what speaks for the predicted class"
    )
    return figures.grad_cam(images, found.maps, titles, heading)


def draw_feature_map(features: Features, seed: int) -> Figure:
    """The pretrained backbone's features of test images in a plane, by PCA and t-SNE."""
    import numpy as np

    from graft.evaluation import explanation, figures

    test = features.of("test")
    rows = np.sort(np.random.default_rng(seed).permutation(len(test.ids))[:MAPPED_IMAGES])
    if len(rows) < 3:
        return figures.in_words("fewer than three test images: no map of their features")
    labels = test.labels[rows]
    if labels.ndim == 2:
        one = (labels == 1).sum(axis=1) == 1
        labels = np.where(one, (labels == 1).argmax(axis=1), -1)
    heading = (
        f"Features of {len(rows):,} test images before any fine-tuning "
        f"({features.metadata['backbone']}: {', '.join(features.metadata['taps'])})"
    )
    found = explanation.map_features(test.matrix[rows], seed)
    return figures.feature_map(found, labels, test.class_names, heading)
