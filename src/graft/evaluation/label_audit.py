"""Training images that are probably labelled wrong, ranked.

Northcutt, Jiang and Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels".
Every training image is judged by a classifier that has not seen it. A class's threshold is how sure
that classifier is, on average, of images that bear its label, so that classes which it is never
sure of are suspected too; at most it is a half, where the class is likelier than all others
together. An image is suspicious if the likeliest of the classes that pass their thresholds is not
the given one; the ranking is by how far the given class falls behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graft.classes import NOT_COUNTED
from graft.errors import GraftError

if TYPE_CHECKING:
    import pandas as pd

    from graft.probes.extraction import Features

COLUMNS = ("rank", "id", "given", "suggested", "given_probability", "suggested_probability")


def suspicious_labels(
    features: Features, folds: int, regularisation: float, seed: int
) -> pd.DataFrame:
    """All suspicious labels among the training images, the most suspicious first.

    Args:
        features: Of any images; only the training images are looked at.
        folds: Every image is judged by a classifier fitted on the other folds. Fewer where the
            rarest class has fewer images.
        regularisation: C of the linear probe: the smaller, the less it learns wrong labels
            by heart.
        seed: Of the folds.

    Returns:
        Columns rank (from 1), id, given, suggested, given_probability, suggested_probability
        (out-of-fold) and margin (the former minus the latter, less the difference of the two
        classes' thresholds: the lower, the more suspicious). Of several labels there is a row for
        each suspicious pair of image and class; given and suggested are then "shows dog" or
        "no dog".

    Raises:
        GraftError: Too few images to judge any by others.
    """
    import pandas as pd

    train = features.of("train")
    judge = _judge_each_class if train.labels.ndim == 2 else _judge_classes
    table = pd.DataFrame(
        judge(train, folds, regularisation, seed), columns=[*COLUMNS[1:], "margin"]
    )
    table = table.sort_values(["margin", "id"], kind="stable").reset_index(drop=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table


def out_of_fold_probabilities(
    matrix: np.ndarray, labels: np.ndarray, folds: int, regularisation: float, seed: int
) -> np.ndarray:
    """Class probabilities (N, K) of linear probes that have not seen the image.

    Args:
        matrix: float32 (N, D).
        labels: int (N,), 0 to K - 1, at least two classes, each with an image.
        folds: At most so many, stratified.
        regularisation: C.
        seed: Of the folds.

    Raises:
        GraftError: One class, or a class with a single image.
    """
    from sklearn.model_selection import StratifiedKFold

    from graft.probes.linear_probe import LinearProbeRecipe, fit_linear_probe

    counts = np.bincount(labels)
    used = min(folds, int(counts.min()))
    if len(counts) < 2 or used < 2:
        raise GraftError(
            "label_audit: every label is judged by images that share it, so there have to be two "
            "classes with two training images each. Give more images, or leave rare classes out."
        )
    probabilities = np.zeros((len(labels), len(counts)))
    recipe, names = LinearProbeRecipe(C=regularisation), [str(k) for k in range(len(counts))]
    splitter = StratifiedKFold(used, shuffle=True, random_state=seed)
    for fitted, judged in splitter.split(matrix, labels):
        probe = fit_linear_probe(matrix[fitted], labels[fitted], names, recipe, seed)
        probabilities[judged] = probe.scores(matrix[judged])
    return probabilities


def thresholds(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """For each class the mean probability of it among the images that bear its label, (K,).

    At most 0.5. (In the paper there is no such limit: then, where a classifier is nearly always
    sure, a wrong label passes unseen if it is only as good as sure of the right one.)
    """
    classes = probabilities.shape[1]
    means = np.array([probabilities[labels == k, k].mean() for k in range(classes)])
    return means.clip(max=0.5)


Row = tuple[str, str, str, float, float, float]


def _judge_classes(train: Features, folds: int, regularisation: float, seed: int) -> list[Row]:
    present, labels = np.unique(train.labels, return_inverse=True)
    if len(present) == 0:
        raise GraftError("label_audit: there are no training images")
    names = [train.class_names[k] for k in present]
    probabilities = out_of_fold_probabilities(train.matrix, labels, folds, regularisation, seed)
    rows = []
    for row, suggested, margin in _suspicious(probabilities, labels):
        given = labels[row]
        rows.append(
            (
                str(train.ids[row]),
                names[given],
                names[suggested],
                float(probabilities[row, given]),
                float(probabilities[row, suggested]),
                margin,
            )
        )
    return rows


def _judge_each_class(train: Features, folds: int, regularisation: float, seed: int) -> list[Row]:
    """The same question of each class: does the image show it? Classes too rare are passed over."""
    rows = []
    for k, name in enumerate(train.class_names):
        counted = np.flatnonzero(train.labels[:, k] != NOT_COUNTED)
        labels = train.labels[counted, k].astype(np.int64)
        if min((labels == 0).sum(), (labels == 1).sum()) < 2:
            continue
        probabilities = out_of_fold_probabilities(
            train.matrix[counted], labels, folds, regularisation, seed
        )
        words = (f"no {name}", f"shows {name}")
        for row, suggested, margin in _suspicious(probabilities, labels):
            rows.append(
                (
                    str(train.ids[counted[row]]),
                    words[labels[row]],
                    words[suggested],
                    float(probabilities[row, labels[row]]),
                    float(probabilities[row, suggested]),
                    margin,
                )
            )
    return rows


def _suspicious(probabilities: np.ndarray, labels: np.ndarray) -> list[tuple[int, int, float]]:
    """Row, likeliest class and margin of each image whose label is off the confident diagonal."""
    limits = thresholds(probabilities, labels)
    above = probabilities - limits  # by how much each class passes its threshold
    likeliest = np.where(above >= 0, probabilities, -1.0).argmax(axis=1)
    confident = (above >= 0).any(axis=1)
    rows = np.flatnonzero(confident & (likeliest != labels))
    margins = above[rows, labels[rows]] - above[rows, likeliest[rows]]
    return [
        (int(row), int(k), float(margin))
        for row, k, margin in zip(rows, likeliest[rows], margins, strict=True)
    ]
