"""How well scores put the positive images first: ROC area, average precision and their curves.

Images with equal scores form one group, and a threshold passes between groups only, so ties are
exact: half a win each in the ROC area, one step in the curves. A resample is a set of counts per
group, see `bootstrap`; sorting happens once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CURVE_POINTS = 200  # at most so many points of a curve are kept


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
        group = score_groups(scores)
        size = int(group.max(initial=0)) + 1
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

    def interpolated_average_precision(self) -> np.ndarray:
        """Mean of the best precisions at recalls of at least 0, 0.1 … 1, (...).

        The measure of the PASCAL VOC challenges up to 2009 (Everingham et al. 2010, The PASCAL
        Visual Object Classes Challenge, section 4.2). NaN without positive images.
        """
        found = np.cumsum(self.positives, axis=-1)
        taken = found + np.cumsum(self.negatives, axis=-1)
        precision = found / np.maximum(taken, 1)
        best = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
        total = found[..., -1]
        # Whole numbers, for 3 / 10 >= 0.3 must not depend on how 0.3 is rounded.
        first = [(10 * found < tenths * total[..., None]).sum(axis=-1) for tenths in range(11)]
        mean = np.take_along_axis(best, np.stack(first, axis=-1), axis=-1).mean(axis=-1)
        return np.where(total > 0, mean, np.nan)

    def roc_curve(self) -> dict[str, list[float]]:
        """Points from (0, 0) to (1, 1): {"fpr", "tpr"}; of one ranking, (G,)."""
        fpr = np.concatenate([[0.0], np.cumsum(self.negatives) / self.negatives.sum()])
        tpr = np.concatenate([[0.0], np.cumsum(self.positives) / self.positives.sum()])
        kept = _thinned(fpr, tpr, CURVE_POINTS)
        return {"fpr": fpr[kept].tolist(), "tpr": tpr[kept].tolist()}

    def precision_recall_curve(self, points: int = CURVE_POINTS) -> dict[str, list[float]]:
        """Points in order of falling threshold: {"recall", "precision"}; of one ranking, (G,)."""
        found = np.cumsum(self.positives)
        recall = found / found[-1]
        precision = found / (found + np.cumsum(self.negatives))
        kept = _thinned(recall, precision, points)
        return {"recall": recall[kept].tolist(), "precision": precision[kept].tolist()}


def score_groups(scores: np.ndarray) -> np.ndarray:
    """The rank of each score among the distinct ones, int64 (N,), 0 for the highest."""
    distinct, ascending = np.unique(scores.ravel(), return_inverse=True)
    return len(distinct) - 1 - ascending


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.where(denominator > 0, numerator / np.maximum(denominator, 1), np.nan)


def _thinned(x: np.ndarray, y: np.ndarray, points: int) -> np.ndarray:
    """Indices of at most so many points, evenly spaced along the curve, ends included."""
    if len(x) <= points:
        return np.arange(len(x))
    steps = np.abs(np.diff(x)) + np.abs(np.diff(y))
    path = np.concatenate([[0.0], np.cumsum(steps)])
    inner = np.searchsorted(path, np.linspace(0, path[-1], points)[1:-1])
    return np.unique(np.concatenate([[0], inner, [len(x) - 1]]))
