"""Bias or variance: a sentence about what holds a classifier back, derived from its numbers.

The error on validation images has two parts (Ng 2018, Machine Learning Yearning, chapters 20 to
27): the error on training images (bias) and what validation images are worse by (the gap:
variance). The larger part says what to mend. The rule, the first line that holds:

    verdict            where
    nothing learnt     validation is not surely above the baseline, and bias is the larger part
    good fit           the validation error is at most 5 %
    under-fitting      the gap is within what chance does to it, or not larger than the bias
    too few data       the gap is the larger part, and the last added images surely helped
    over-fitting       the gap is the larger part otherwise

"Surely above" is by the lower end of Wilson's interval, "within chance" is half that interval's
width, and "surely helped" an interval over seeds above 0, which only a learning curve has.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.evaluation.intervals import Interval, wilson_interval

if TYPE_CHECKING:
    import pandas as pd

SMALL_ERROR = 0.05  # of validation images: a good fit
RISE = 1.1  # a validation loss so many times its lowest has turned


@dataclass(frozen=True)
class Diagnosis:
    """What holds a classifier back.

    Attributes:
        verdict: One of the table at the head of this module, or "unknown".
        sentence: The verdict with its numbers, and what may help.
        train: The score on training images, a share.
        validation: The score on validation images; None where there are none.
        gap: How much lower the latter is; None likewise.
        baseline: What an answer that knows no image scores there; None likewise.
    """

    verdict: str
    sentence: str
    train: float | None
    validation: float | None
    gap: float | None
    baseline: float | None

    def to_json(self) -> dict[str, Any]:
        """All attributes by name."""
        return asdict(self)


def diagnose(
    train: float,
    validation: float,
    baseline: float,
    *,
    images: int,
    confidence: float,
    gain: Interval | None = None,
) -> Diagnosis:
    """Apply the rule of this module.

    Args:
        train: Score on training images, a share: accuracy or mean average precision.
        validation: The same of images that were not trained on.
        baseline: What an answer that knows no image scores on those.
        images: How many those are.
        confidence: Coverage of the intervals of "surely".
        gain: What the last added training images brought, with its interval over seeds, where a
            learning curve was measured.

    Returns:
        The diagnosis; "unknown", without numbers, where a score is not defined (NaN).
    """
    if not np.isfinite([train, validation, baseline]).all():
        sentence = (
            "Unknown: a score is not defined, as the mean average precision of classes without "
            "images is none."
        )
        return Diagnosis("unknown", sentence, None, None, None, None)
    low, high = (float(end) for end in wilson_interval(validation * images, images, confidence))
    bias, gap = 1 - train, train - validation
    scores = f"{train:.1%} on training and {validation:.1%} on unseen images"
    if low <= baseline and bias >= gap:
        verdict = "nothing learnt"
        sentence = (
            f"Nothing learnt: {scores}, not surely above the {baseline:.1%} of an answer that "
            "knows no image. Look at the learning rate, the labels and the normalisation."
        )
    elif validation >= 1 - SMALL_ERROR:
        verdict = "good fit"
        sentence = f"A good fit: {scores}; neither bias nor variance leaves much to mend."
    elif gap <= max(bias, (high - low) / 2):
        verdict = "under-fitting"
        sentence = (
            f"Under-fitting (bias): {scores}. The training images themselves are not learnt: train "
            "longer, unfreeze more, take a larger network or less augmentation."
        )
    elif gain is not None and gain.low > 0:
        verdict = "too few data"
        sentence = (
            f"Too few data (variance): {scores}, and the last added images still brought "
            f"{100 * gain.value:+.1f} points: label more, or augment more."
        )
    else:
        verdict = "over-fitting"
        more = (
            "more images alone brought no sure gain"
            if gain is not None
            else "`--pipeline=learning_curves` tells whether more images would help"
        )
        sentence = (
            f"Over-fitting (variance): {scores}. Augment more, freeze more, raise weight decay or "
            f"stop earlier; {more}."
        )
    return Diagnosis(verdict, sentence, train, validation, gap, baseline)


def diagnose_history(
    history: pd.DataFrame, baseline: float, *, images: int, confidence: float
) -> Diagnosis:
    """What the history of one training tells, at its best epoch.

    Its training accuracy is a mean over augmented images while the weights changed, hence lower
    than that of the finished network on images as they are: the gap is if anything too small.

    Args:
        history: A row an epoch with train_accuracy, validation_accuracy and validation_loss; of
            several labels the accuracies are those of decisions, and the best epoch is that of
            validation_mean_average_precision.
        baseline: What an answer that knows no image scores on the validation images.
        images: How many those are; 0 where there are none.
        confidence: As of `diagnose`.
    """
    measured = history.dropna(subset=["validation_accuracy", "train_accuracy"])
    if not images or measured.empty:
        sentence = "Unknown: bias and variance are told apart on validation images, and none are."
        return Diagnosis("unknown", sentence, None, None, None, None)
    ranked = "validation_mean_average_precision"
    score = ranked if ranked in measured else "validation_accuracy"
    best = measured.sort_values([score, "validation_loss"], ascending=[False, True]).iloc[0]
    found = diagnose(
        float(best["train_accuracy"]),
        float(best["validation_accuracy"]),
        baseline,
        images=images,
        confidence=confidence,
    )
    return Diagnosis(
        **{**found.to_json(), "sentence": f"{found.sentence}{_course(measured, best)}"}
    )


def _course(history: pd.DataFrame, best: pd.Series) -> str:
    """What the course of the training adds, as a sentence of its own; empty if nothing."""
    losses = history["validation_loss"].to_numpy(dtype=np.float64)
    lowest = int(np.where(np.isnan(losses), np.inf, losses).argmin())
    if losses[-1] > RISE * losses[lowest]:
        epoch = int(history["epoch"].iloc[lowest])
        return f" The validation loss was lowest after epoch {epoch} and rose again."
    if best["epoch"] == history["epoch"].iloc[-1]:
        return " The last epoch was the best one: a longer training may be better still."
    return ""
