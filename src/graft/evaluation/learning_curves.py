"""How a score grows with the number of labelled images: points, their summary, a diagnosis.

All trainings are judged on the same test images. For each seed the training images are put into an
order of their own, of which a smaller set takes the end: with one seed sets are nested, and from
seed to seed they differ, so that the deviation between seeds holds the luck of the draw.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from graft.evaluation.comparison import paired_seeds_interval
from graft.evaluation.diagnosis import Diagnosis, diagnose
from graft.evaluation.intervals import Interval
from graft.images.split import SplitRecipe, assign_splits
from graft.training.measures import mean_average_precision

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from graft.evaluation.predictions import Predictions
    from graft.images.store import ImageStore

PARTS = ("train", "validation", "test")


def with_fewer_labels(store: ImageStore, fraction: float, seed: int) -> ImageStore:
    """The same store with a share of each class's training images; the others become "unused".

    Args:
        store: The images; validation and test images stay.
        fraction: In (0, 1]; of each class at least one image is left.
        seed: Puts the images in the order of which the end is taken.
    """
    used = store.manifest[store.manifest["split"].isin(PARTS)]
    parts = assign_splits(
        used,
        SplitRecipe(validation=0.0, fraction=fraction),
        seed,
        multi_label=store.multi_label,
    )
    parts = parts.reindex(store.manifest.index, fill_value="unused")
    return dataclasses.replace(store, manifest=store.manifest.assign(split=parts))


def enough_epochs(epochs: int, images: int, batch_size: int, least_steps: int) -> int:
    """At least so many epochs, and so many that there are `least_steps` optimizer steps.

    A hundred images in batches of 64 would otherwise be shown two batches an epoch, and what is
    measured would be the briefness of the training.
    """
    return max(epochs, math.ceil(least_steps / math.ceil(images / batch_size)))


def headline_score(predictions: Predictions) -> float:
    """Accuracy, or the mean average precision where images show several classes."""
    if predictions.multi_label:
        return mean_average_precision(predictions.labels, predictions.scores)
    return float(predictions.correct.mean())


def summarise(points: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Mean and spread over the seeds, a row for each method and number of images.

    Args:
        points: A row for each training: method, train_images, seed, epochs, seconds, and the scores
            train, validation (NaN without validation images) and test, of images as they are.
        confidence: Coverage of the intervals.

    Returns:
        Columns method, train_images, seeds; test, the mean, with _low and _high (Student's t over
        the seeds, within 0 and 1) and test_deviation; difference, of test to the first method's
        with the same images and seeds, with _low and _high; train, validation, and gap, the mean
        of train minus test, with gap_deviation; seconds, the mean. What takes two seeds is NaN of
        one, and the difference in the rows of the first method. Methods stay in their order,
        images ascend.
    """
    import pandas as pd

    rows = []
    first = points[points["method"] == points["method"].iloc[0]]
    first = first.set_index(["train_images", "seed"])["test"]
    for method in points["method"].unique():
        of_method = points[points["method"] == method]
        for images in sorted(of_method["train_images"].unique()):
            found = of_method[of_method["train_images"] == images]
            gap = found["train"] - found["test"]
            test = _over_seeds(found["test"], confidence)
            others = first.reindex(pd.MultiIndex.from_frame(found[["train_images", "seed"]]))
            difference = _over_seeds(found["test"].to_numpy() - others.to_numpy(), confidence)
            if method == points["method"].iloc[0]:
                difference = Interval(np.nan, np.nan, np.nan)
            rows.append(
                {
                    "method": method,
                    "train_images": int(images),
                    "seeds": len(found),
                    "test": test.value,
                    "test_low": np.maximum(test.low, 0.0),
                    "test_high": np.minimum(test.high, 1.0),
                    "test_deviation": found["test"].std(),
                    "difference": difference.value,
                    "difference_low": difference.low,
                    "difference_high": difference.high,
                    "train": found["train"].mean(),
                    "validation": found["validation"].mean(),
                    "gap": gap.mean(),
                    "gap_deviation": gap.std(),
                    "seconds": found["seconds"].mean(),
                }
            )
    return pd.DataFrame(rows)


def diagnose_curve(
    points: pd.DataFrame, method: str, baseline: float, *, images: int, confidence: float
) -> Diagnosis:
    """Bias, variance or too few data, from the two largest training sets of a method.

    "Validation" images are here the test images: nothing is chosen by them.

    Args:
        points: As of `summarise`.
        method: Which of its methods.
        baseline: What an answer that knows no image scores on the test images.
        images: How many those are.
        confidence: Of the intervals.
    """
    of_method = points[points["method"] == method]
    sizes = sorted(of_method["train_images"].unique())
    largest = of_method[of_method["train_images"] == sizes[-1]].set_index("seed")
    gain = None
    if len(sizes) > 1:
        before = of_method[of_method["train_images"] == sizes[-2]].set_index("seed")
        gain = _over_seeds((largest["test"] - before["test"]).dropna(), confidence)
    return diagnose(
        float(largest["train"].mean()),
        float(largest["test"].mean()),
        baseline,
        images=images,
        confidence=confidence,
        gain=gain,
    )


def _over_seeds(values: Iterable[float], confidence: float) -> Interval:
    """Their mean with its interval; of one seed an interval without ends."""
    numbers = [float(value) for value in values]
    if len(numbers) > 1:
        return paired_seeds_interval(numbers, confidence)
    return Interval(numbers[0], np.nan, np.nan)
