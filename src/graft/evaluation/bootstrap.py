"""The bootstrap over images, for statistics that need to know which images were drawn.

A resample is how often each image was drawn. With images in rows and resamples in columns, what a
statistic needs (counts of a group of scores, sums over images) is a matrix product. The counts
depend on the number of images and the seed alone, so whatever is measured with the same ones is
paired: classes of one method, or two methods.

2,000 resamples of 5,000 images take 0.4 s to draw, and 0.02 s more for the average precision of
each class that 7 % of them show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graft.evaluation.ranking import Ranking, score_groups

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_SETS = 128  # resamples at a time; of 5,000 images their counts stay in the processor's cache
_COUNTS = 2**24  # at most so many counts at a time (64 MiB)
_GROUPS = 2**14  # distinct scores of a pool; merging more moves an area by less than 1 / 2**14


def over_resamples(
    statistic: Callable[[np.ndarray], np.ndarray], images: int, resamples: int, seed: int
) -> np.ndarray:
    """A statistic on resampled images.

    Args:
        statistic: From counts, float32 (N, R'), how often each image was drawn in each of some
            resamples, to values (..., R').
        images: N.
        resamples: R.
        seed: The same seed draws the same images.

    Returns:
        Values (..., R).
    """
    rng = np.random.default_rng(seed)
    sets = max(1, min(_SETS, _COUNTS // images))
    found = []
    for start in range(0, resamples, sets):
        drawn = rng.integers(images, size=(min(sets, resamples - start), images))
        counts = np.array([np.bincount(row, minlength=images) for row in drawn], dtype=np.float32)
        found.append(statistic(np.ascontiguousarray(counts.T)))
    return np.concatenate(found, axis=-1)


@dataclass(frozen=True, eq=False)
class RankedImages:
    """Which images make up the groups of a `Ranking`, so that it can be counted anew.

    Groups without positive images that follow one another are one, which changes no score.

    Attributes:
        positives: (G, N), how many positive questions of an image are in a group.
        negatives: (G, N), how many negative ones.
    """

    positives: csr_array
    negatives: csr_array

    @classmethod
    def of(cls, labels: np.ndarray, scores: np.ndarray, groups: int | None = None) -> RankedImages:
        """Images ranked by scores.

        Args:
            labels: (N,), 1 for positive images, 0 for negative ones, -1 for those not counted; or
                (N, K) for K questions an image, which are ranked in one pool.
            scores: Of the same shape.
            groups: At most so many distinct scores are told apart; beyond, neighbours are taken
                for equal.
        """
        from scipy.sparse import csr_array

        counted = labels >= 0
        image, positive = np.nonzero(counted)[0], labels[counted] == 1
        group = score_groups(scores[counted])
        size = int(group.max(initial=0)) + 1
        if groups is not None and size > groups:
            group, size = group * groups // size, groups
        kept_apart = np.bincount(group[positive], minlength=size) > 0
        kept_apart[1:] |= kept_apart[:-1].copy()  # what follows positives is below them
        group = np.cumsum(kept_apart)[group]
        shape = (int(kept_apart.sum()) + 1, len(labels))

        def members(kind: np.ndarray) -> csr_array:
            ones = np.ones(int(kind.sum()), dtype=np.float32)
            return csr_array((ones, (group[kind], image[kind])), shape=shape)

        return cls(positives=members(positive), negatives=members(~positive))

    def ranking(self, counts: np.ndarray) -> Ranking:
        """The rankings (R, G) of images that were drawn so often, float32 (N, R)."""
        # Laid out so that a ranking lies in a piece: it is gone through from the top several times.
        return Ranking(
            positives=np.ascontiguousarray((self.positives @ counts).T),
            negatives=np.ascontiguousarray((self.negatives @ counts).T),
        )


def resampled_ranking_scores(
    labels: np.ndarray, scores: np.ndarray, resamples: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """ROC area and average precision on resampled images.

    Args:
        labels: As of `RankedImages`; an image's questions stay together in every resample.
        scores: Of the same shape.
        resamples: R.
        seed: The same seed draws the same images.

    Returns:
        ROC areas (R,) and average precisions (R,); NaN where a resample lacks a kind of image.
    """
    ranked = RankedImages.of(labels, scores, _GROUPS)

    def both(counts: np.ndarray) -> np.ndarray:
        ranking = ranked.ranking(counts)
        return np.stack([ranking.roc_auc(), ranking.average_precision()])

    areas, precisions = over_resamples(both, len(labels), resamples, seed)
    return areas, precisions
