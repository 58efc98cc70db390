"""Class-wise scores of a confusion matrix, on the test images and on thousands of resamples.

Drawing N images with replacement makes the confusion matrix multinomial: N trials over cells with
probabilities cell / N. So no image needs to be touched. The draw is made in two steps, which is
the same distribution in less memory: first how many images each true class gets, then, class by
class, what was predicted for them. Two classifiers on the same images are resampled together by
counting pairs of predictions, which keeps what they have in common.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class ClassTotals:
    """All that accuracy, balanced accuracy and macro-F1 need to know of a confusion matrix.

    Attributes:
        right: (..., K), images of class k that were predicted as k (the diagonal).
        support: (..., K), images of class k (sums of rows).
        predicted: (..., K), images predicted as k (sums of columns).
    """

    right: np.ndarray
    support: np.ndarray
    predicted: np.ndarray

    @classmethod
    def of(cls, labels: np.ndarray, predicted: np.ndarray, num_classes: int) -> ClassTotals:
        """Totals of one set of predictions: int64 (N,) and (N,), classes 0 … K-1."""
        return cls(
            right=np.bincount(labels[labels == predicted], minlength=num_classes),
            support=np.bincount(labels, minlength=num_classes),
            predicted=np.bincount(predicted, minlength=num_classes),
        )

    @classmethod
    def of_labels(cls, labels: np.ndarray, predicted: np.ndarray) -> ClassTotals:
        """Totals of multi-label predictions: int8 (N, K) and (N, K); labels of -1 do not count."""
        claimed = (predicted == 1) & (labels >= 0)
        return cls(
            right=((labels == 1) & claimed).sum(axis=0),
            support=(labels == 1).sum(axis=0),
            predicted=claimed.sum(axis=0),
        )

    def accuracy(self) -> np.ndarray:
        """Share of images that are right, (...)."""
        return _divide(self.right.sum(axis=-1), self.support.sum(axis=-1))

    def recall(self) -> np.ndarray:
        """Share of each class's images that are right, (..., K); NaN for a class without any."""
        return _divide(self.right, self.support, otherwise=np.nan)

    def precision(self) -> np.ndarray:
        """Share of each class's predictions that are right, (..., K); 0 if it has none."""
        return _divide(self.right, self.predicted)

    def f1(self) -> np.ndarray:
        """Harmonic mean of precision and recall, (..., K); 0 for a class that never occurs."""
        return _divide(2 * self.right, self.support + self.predicted)

    def balanced_accuracy(self) -> np.ndarray:
        """Mean recall of the classes that occur, (...), as scikit-learn's."""
        recall = _divide(self.right, self.support)
        return _divide(recall.sum(axis=-1), (self.support > 0).sum(axis=-1))

    def macro_f1(self) -> np.ndarray:
        """Mean F1 of the classes that occur or are predicted, (...), as scikit-learn's."""
        return _divide(self.f1().sum(axis=-1), (self.support + self.predicted > 0).sum(axis=-1))

    def weighted_f1(self) -> np.ndarray:
        """Mean F1 of the classes, each weighted by its images, (...); 0 without any."""
        return _divide((self.f1() * self.support).sum(axis=-1), self.support.sum(axis=-1))

    def micro_f1(self) -> np.ndarray:
        """F1 of the decisions on all classes together, (...); of single labels, the accuracy."""
        questions = (self.support + self.predicted).sum(axis=-1)
        return _divide(2 * self.right.sum(axis=-1), questions)

    def effective_images(self) -> float:
        """Images in equal classes that would tell as much about a mean over classes as these.

        The variance of mean recall is that of K² / sum(1 / support) trials: all the images if
        the classes are equal, less if they are not.
        """
        present = self.support[self.support > 0]
        return float(len(present) ** 2 / (1 / present).sum())


def resampled_classes(
    labels: np.ndarray, predicted: np.ndarray, num_classes: int, resamples: int, seed: int
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Resample test images, one true class after another.

    Args:
        labels: int64 (N,), true classes.
        predicted: int64 (C, N), what each of C classifiers predicted.
        num_classes: K.
        resamples: R, how many sets of N images to draw.
        seed: The same seed draws the same sets.

    Yields:
        For every class that occurs: the class; the M distinct predictions for its images, int64
        (C, M); how often each was drawn in each resample, float64 (R, M).
    """
    rng = np.random.default_rng(seed)
    support = np.bincount(labels, minlength=num_classes)
    supports = rng.multinomial(len(labels), support / len(labels), size=resamples)
    for k in np.flatnonzero(support):
        patterns, counts = np.unique(predicted[:, labels == k], axis=1, return_counts=True)
        draws = rng.multinomial(supports[:, k], counts / support[k])
        yield int(k), patterns, draws.astype(np.float64)


def resampled_totals(
    labels: np.ndarray, predicted: np.ndarray, num_classes: int, resamples: int, seed: int
) -> list[ClassTotals]:
    """Totals (R, K) of each of C classifiers on the same R resamples; see `resampled_classes`."""
    shape = (resamples, num_classes)
    totals = [ClassTotals(np.zeros(shape), np.zeros(shape), np.zeros(shape)) for _ in predicted]
    for k, patterns, draws in resampled_classes(labels, predicted, num_classes, resamples, seed):
        for total, said in zip(totals, patterns, strict=True):
            total.support[:, k] = draws.sum(axis=1)
            total.right[:, k] = draws[:, said == k].sum(axis=1)
            for column, drawn in zip(said, draws.T, strict=True):
                total.predicted[:, column] += drawn
    return totals


def _divide(numerator: np.ndarray, denominator: np.ndarray, otherwise: float = 0.0) -> np.ndarray:
    """Quotient, and `otherwise` where the denominator is 0."""
    empty = denominator == 0
    return np.where(empty, otherwise, numerator / np.where(empty, 1, denominator))
