"""From a classifier and images to predictions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from graft.classes import NOT_COUNTED
from graft.evaluation.predictions import Predictions

if TYPE_CHECKING:
    from graft.compute import Compute
    from graft.images.store import ImageStore
    from graft.models.classifier import Classifier
    from graft.probes.extraction import Features
    from graft.probes.knn import KNNClassifier
    from graft.probes.linear_probe import LinearProbe
    from graft.probes.svm import SVMClassifier


def predict_with_network(
    model: Classifier,
    store: ImageStore,
    split: str,
    compute: Compute,
    method: str,
    batch_size: int | None = None,
) -> Predictions:
    """Class probabilities of a network for the images of one split, none of them augmented.

    Of single labels they sum to 1 (softmax); of several each class has its own (sigmoid).

    Args:
        model: The classifier.
        store: The images; its classes must be the classifier's.
        split: Usually "test".
        compute: Device and precision.
        method: What tables and figures call it.
        batch_size: Images at a time; None for what suits the device.

    Raises:
        ValueError: The store has other classes than the classifier.
    """
    import torch

    from graft.training.batches import Batches, images_at_once

    if store.class_names != model.class_names:
        raise ValueError(
            f"the classifier knows the classes {model.class_names}, "
            f"the images have {store.class_names}"
        )
    batches = Batches(store, split, batch_size or images_at_once(model, store, compute), compute)
    compute.place(model)
    model.eval()
    started = time.perf_counter()
    parts: list[np.ndarray] = []
    with torch.inference_mode(), compute.autocast():
        for batch in batches.in_order():
            logits = model(batch.images).float()
            probabilities = logits.sigmoid() if store.multi_label else logits.softmax(dim=1)
            parts.append(probabilities.cpu().numpy())
    return Predictions(
        method=method,
        ids=store.manifest["id"].to_numpy(dtype=str)[store.indices(split)],
        labels=store.labels(split),
        scores=np.concatenate(parts),
        class_names=store.class_names,
        seconds=time.perf_counter() - started,
        threshold=0.5 if store.multi_label else None,
    )


def predict_with_svm(
    classifier: SVMClassifier, features: Features, split: str, method: str
) -> Predictions:
    """Decision values of a support vector machine for the images of one split.

    A binary machine ("rest", class) gives binary predictions, of a multi-label task only for the
    images in which that class is counted.
    """
    chosen = features.of(split)
    started = time.perf_counter()
    scores = classifier.scores(chosen.matrix)
    seconds = _extraction_seconds(features, chosen) + time.perf_counter() - started
    labels = classifier.targets(chosen.labels)
    counted = labels != NOT_COUNTED if labels.ndim == 1 else np.full(len(labels), True)
    return Predictions(
        method=method,
        ids=chosen.ids[counted],
        labels=labels[counted],
        scores=scores[counted],
        class_names=classifier.class_names,
        seconds=seconds,
        threshold=0.0 if labels.ndim == 2 else None,
    )


def predict_with_probe(
    probe: LinearProbe | KNNClassifier, features: Features, split: str, method: str
) -> Predictions:
    """Class probabilities of a linear probe or nearest neighbours for the images of one split."""
    chosen = features.of(split)
    started = time.perf_counter()
    scores = probe.scores(chosen.matrix)
    return Predictions(
        method=method,
        ids=chosen.ids,
        labels=chosen.labels,
        scores=scores,
        class_names=probe.class_names,
        seconds=_extraction_seconds(features, chosen) + time.perf_counter() - started,
        threshold=0.5 if chosen.labels.ndim == 2 else None,
    )


def _extraction_seconds(features: Features, chosen: Features) -> float:
    """What the chosen images' features took, where that is known: a prediction starts at pixels."""
    known = float(features.metadata.get("seconds", 0.0))
    return known * len(chosen.ids) / len(features.ids)
