"""How well scores put the positive images first: ROC area, average precision and their curves.

Images with equal scores form one group, and a threshold passes between groups only, so ties are
exact: half a win each in the ROC area, one step in the curves. A resample is a set of counts per
group; sorting happens once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CURVE_POINTS = 200  # at most so many points of a curve are kept
_CHUNK = 2**21  # images drawn at a time (16 MiB of indices)
# Resamples tell scores apart up to so many; beyond, neighbours share a group. That moves an area
# by less than 1 / 2**14 and keeps the counts of a resample in the processor's cache.
_RESAMPLED_GROUPS = 2**14


@dataclass(frozen=True, eq=False)
class Ranking:
    """Positive and negative images in each group of equal scores, the highest score first.

    Attributes:
        positives: (..., G), counts of positive images.
        negatives: (..., G), counts of the others.
    """

    positives: np.ndarray
    negatives: np.ndarray

    @classmethod
    def of(cls, labels: np.ndarray, scores: np.ndarray) -> Ranking:
        """Ranking of labels 0 or 1 (N,) by scores (N,)."""
        group = _groups(scores)
        size = int(group.max()) + 1
        return cls(
            positives=np.bincount(group[labels == 1], minlength=size),
            negatives=np.bincount(group[labels == 0], minlength=size),
        )

    def roc_auc(self) -> np.ndarray:
        """Chance that a positive image scores above a negative one, (...).

        A tie counts half (Mann and Whitney 1947). NaN without images of both kinds.
        """
        above = np.cumsum(self.negatives, axis=-1)
        below = above[..., -1:] - above
        wins = (self.positives * (below + self.negatives / 2)).sum(axis=-1)
        return _ratio(wins, self.positives.sum(axis=-1) * above[..., -1])

    def average_precision(self) -> np.ndarray:
        """Precision at each threshold, weighted by the recall it adds, (...).

        Not interpolated, as scikit-learn's. NaN without positive images.
        """
        found = np.cumsum(self.positives, axis=-1)
        taken = found + np.cumsum(self.negatives, axis=-1)
        precision = found / np.maximum(taken, 1)
        return _ratio((self.positives * precision).sum(axis=-1), found[..., -1])

    def roc_curve(self) -> dict[str, list[float]]:
        """Points from (0, 0) to (1, 1): {"fpr", "tpr"}; of one ranking, (G,)."""
        fpr = np.concatenate([[0.0], np.cumsum(self.negatives) / self.negatives.sum()])
        tpr = np.concatenate([[0.0], np.cumsum(self.positives) / self.positives.sum()])
        kept = _thinned(fpr, tpr)
        return {"fpr": fpr[kept].tolist(), "tpr": tpr[kept].tolist()}

    def precision_recall_curve(self) -> dict[str, list[float]]:
        """Points in order of falling threshold: {"recall", "precision"}; of one ranking, (G,)."""
        found = np.cumsum(self.positives)
        recall = found / found[-1]
        precision = found / (found + np.cumsum(self.negatives))
        kept = _thinned(recall, precision)
        return {"recall": recall[kept].tolist(), "precision": precision[kept].tolist()}


def resampled_ranking_scores(
    labels: np.ndarray, scores: np.ndarray, resamples: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """ROC area and average precision on resampled test images.

    Args:
        labels: int64 (N,), 1 for positive images, else 0; or (N, K) for K questions an image,
            which stay together in every resample and are ranked in one pool.
        scores: Of the same shape.
        resamples: R.
        seed: The same seed draws the same sets.

    Returns:
        ROC areas (R,) and average precisions (R,); NaN where a resample lacks a kind of image.
    """
    rng = np.random.default_rng(seed)
    group = _groups(scores)
    size = int(group.max()) + 1
    if size > _RESAMPLED_GROUPS:
        group, size = group * _RESAMPLED_GROUPS // size, _RESAMPLED_GROUPS
    images = len(labels)
    cells = (2 * group + labels.ravel()).reshape(images, -1)
    areas, precisions = [], []
    step = max(1, _CHUNK // cells.size)
    for start in range(0, resamples, step):
        sets = min(step, resamples - start)
        drawn = cells[rng.integers(images, size=(sets, images))]
        drawn += 2 * size * np.arange(sets)[:, None, None]
        counts = np.bincount(drawn.ravel(), minlength=2 * size * sets).reshape(sets, size, 2)
        ranking = Ranking(positives=counts[..., 1], negatives=counts[..., 0])
        areas.append(ranking.roc_auc())
        precisions.append(ranking.average_precision())
    return np.concatenate(areas), np.concatenate(precisions)


def _groups(scores: np.ndarray) -> np.ndarray:
    """The rank of each score among the distinct ones, int64 (N,), 0 for the highest."""
    distinct, ascending = np.unique(scores.ravel(), return_inverse=True)
    return len(distinct) - 1 - ascending


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.where(denominator > 0, numerator / np.maximum(denominator, 1), np.nan)


def _thinned(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Indices of at most `CURVE_POINTS` points, evenly spaced along the curve, ends included."""
    if len(x) <= CURVE_POINTS:
        return np.arange(len(x))
    steps = np.abs(np.diff(x)) + np.abs(np.diff(y))
    path = np.concatenate([[0.0], np.cumsum(steps)])
    inner = np.searchsorted(path, np.linspace(0, path[-1], CURVE_POINTS)[1:-1])
    return np.unique(np.concatenate([[0], inner, [len(x) - 1]]))
