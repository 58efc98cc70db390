"""Choosing constants by cross-validation on the training images.

Whatever is fitted, be it only the scaler, is fitted on the other folds; test images are not here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.classes import NOT_COUNTED
from graft.progress import track

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

Setting = Mapping[str, Any]
Row = dict[str, Any]


def deal_folds(targets: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """int64 (N,): to which fold an image belongs.

    Of single labels each class is dealt out like cards, so that folds differ by at most one image
    of it; classes of fewer images than folds, which scikit-learn refuses, are no exception.

    Args:
        targets: int64 (N,) classes, or int8 (N, K), which are dealt without regard to classes.
        folds: Their number, at most N of them.
        seed: Of the shuffle.
    """
    shuffled = np.random.default_rng(seed).permutation(len(targets))
    if targets.ndim == 1:
        shuffled = shuffled[np.argsort(targets[shuffled], kind="stable")]
    fold = np.empty(len(targets), dtype=np.int64)
    fold[shuffled] = np.arange(len(targets)) % folds
    return fold


def measure_name(targets: np.ndarray, class_count: int) -> str:
    """What settings are compared by: "average_precision" of one or several yes-or-no questions.

    Always answering "no" has a high accuracy where few images show a class; of more than two
    classes it is "accuracy".
    """
    return "accuracy" if targets.ndim == 1 and class_count > 2 else "average_precision"


def measure(targets: np.ndarray, scores: np.ndarray) -> float:
    """Accuracy, or (mean) average precision; NaN where it is not defined.

    Args:
        targets: int64 (N,) or int8 (N, K).
        scores: float (N, K).
    """
    from sklearn.metrics import average_precision_score

    if measure_name(targets, scores.shape[1]) == "accuracy":
        return float((scores.argmax(axis=1) == targets).mean())
    if targets.ndim == 1:
        targets, scores = targets[:, None], scores[:, 1:]
    precisions = []
    for label, score in zip(targets.T, scores.T, strict=True):
        counted = (label != NOT_COUNTED) & np.isfinite(score)
        if (label[counted] == 1).any():
            precisions.append(average_precision_score(label[counted], score[counted]))
    return float(np.mean(precisions)) if precisions else float("nan")


def cross_validate(
    targets: np.ndarray,
    groups: Sequence[Sequence[Setting]],
    score: Callable[[np.ndarray, np.ndarray, Sequence[Setting]], Sequence[np.ndarray]],
    *,
    class_count: int,
    folds: int,
    seed: int,
    what: str,
) -> list[Row]:
    """How good each setting is on images that it was not fitted to.

    Args:
        targets: int64 (N,) or int8 (N, K), of the training images.
        groups: Settings that are fitted together, the more regularised ones first.
        score: Called with the rows to fit to, the rows held out and a group; gives scores (n, K) of
            the rows held out for each setting.
        class_count: K.
        folds: Parts of the images.
        seed: Of the parts.
        what: For the progress bar and the log, for example "C and gamma of the SVM".

    Returns:
        For each setting its values, measure, mean and deviation over folds, their number, and
        whether it is chosen: that of the highest mean, the first among equals. Where no fold tells
        classes apart, none is better than another and the middle one is chosen.
    """
    fold = deal_folds(targets, min(folds, len(targets)), seed)
    jobs = [(f, g) for f in range(int(fold.max()) + 1) for g in range(len(groups))]
    scores: list[list[list[float]]] = [[[] for _ in group] for group in groups]
    for f, g in track(jobs, f"Choosing {what}", total=len(jobs)):
        train, held = np.flatnonzero(fold != f), np.flatnonzero(fold == f)
        if not _tells_apart(targets[train]):
            continue
        for place, found in enumerate(score(train, held, groups[g])):
            if not np.isnan(value := measure(targets[held], found)):
                scores[g][place].append(value)
    rows: list[Row] = []
    for group, of_group in zip(groups, scores, strict=True):
        for setting, values in zip(group, of_group, strict=True):
            rows.append(
                {
                    **setting,
                    "measure": measure_name(targets, class_count),
                    "mean": float(np.mean(values)) if values else None,
                    "deviation": float(np.std(values, ddof=1)) if len(values) > 1 else None,
                    "folds": len(values),
                    "chosen": False,
                }
            )
    best = _best(rows)
    rows[best]["chosen"] = True
    _log_choice(rows[best], what)
    return rows


def chosen(rows: Sequence[Row]) -> Row:
    """The row that cross-validation chose."""
    return next(row for row in rows if row["chosen"])


def search_table(searches: Mapping[str, Sequence[Row]]) -> pd.DataFrame:
    """All that was tried, a row for each setting.

    Args:
        searches: By the name of a probe, what `cross_validate` returned.

    Returns:
        Columns probe, C, gamma, neighbours (NaN where a probe has no such constant), measure, mean,
        deviation, folds, chosen (1 or 0).
    """
    import pandas as pd

    rows = [{"probe": probe, **row} for probe, found in searches.items() for row in found]
    table = pd.DataFrame(
        rows,
        columns=[
            *("probe", "C", "gamma", "neighbours", "measure", "mean", "deviation"),
            *("folds", "chosen"),
        ],
    )
    numbers = ("C", "gamma", "neighbours", "mean", "deviation")
    return table.astype({**dict.fromkeys(numbers, float), "folds": int, "chosen": int})


def _best(rows: Sequence[Row]) -> int:
    means = [row["mean"] for row in rows]
    if any(mean is None for mean in means):
        return len(rows) // 2
    return int(np.argmax(means))


def _tells_apart(targets: np.ndarray) -> bool:
    if targets.ndim == 1:
        return len(np.unique(targets)) > 1
    return bool(((targets == 1).any(axis=0) & (targets == 0).any(axis=0)).any())


def _log_choice(row: Row, what: str) -> None:
    known = {name: row.get(name) for name in ("C", "gamma", "neighbours")}
    values = ", ".join(f"{name} {value:g}" for name, value in known.items() if value is not None)
    if row["mean"] is None:
        logger.warning(
            "Too few training images to choose %s by cross-validation: taking %s.", what, values
        )
        return
    logger.info(
        "Chosen %s by %d-fold cross-validation: %s (%s %.4f).",
        what,
        row["folds"],
        values,
        row["measure"].replace("_", " "),
        row["mean"],
    )
