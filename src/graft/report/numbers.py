"""Numbers as a reader wants them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

# Written in percent; other measures (losses, areas under curves) as they are.
SHARES = frozenset(
    {
        "accuracy",
        "balanced_accuracy",
        "ece",
        "exact_match",
        "label_accuracy",
        "macro_f1",
        "mean_average_precision",
        "micro_f1",
        "top5_accuracy",
        "weighted_f1",
    }
)
_NAMES = {
    "mean_average_precision": "mAP",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "weighted_f1": "weighted F1",
    "roc_auc": "area under ROC",
    "top5_accuracy": "top-5 accuracy",
    "log_loss": "log-loss",
    "brier": "Brier score",
    "ece": "calibration error (ECE)",
    "mcnemar_p": "McNemar's p",
    "train_seconds": "training",
    "predict_seconds": "prediction",
    "trainable_parameters": "trained parameters",
    "difference": "difference to the first, points",
}


def title(key: str) -> str:
    """What a table calls a column or measure."""
    return _NAMES.get(key, key.replace("_", " "))


def missing(value: Any) -> bool:
    """Whether there is no number: None, NaN, or pandas' NA, which differs even from itself."""
    try:
        return value is None or math.isnan(value)
    except TypeError:
        return True


def in_words(key: str, value: Any, low: Any = None, high: Any = None) -> str:
    """A number in the form that suits its name, its interval on a second line."""
    if missing(value):
        return "–"
    value = float(value)
    bounds = None if missing(low) or missing(high) else (float(low), float(high))
    if key == "difference":
        words, shown = (
            f"{100 * value:+.1f}",
            bounds and "[{:+.1f}, {:+.1f}]".format(*(100 * bound for bound in bounds)),
        )
    elif key in SHARES:
        words, shown = (
            f"{100 * value:.1f} %",
            bounds and "[{:.1f}, {:.1f}]".format(*(100 * bound for bound in bounds)),
        )
    elif key.endswith("seconds"):
        words, shown = seconds(value), None
    elif key.endswith("_p"):
        words, shown = ("< 0.001" if value < 0.001 else f"{value:.3f}"), None
    elif bounds is None and (value.is_integer() or abs(value) >= 100):
        words, shown = f"{value:,.0f}", None
    else:
        words, shown = f"{value:.3f}", bounds and "[{:.3f}, {:.3f}]".format(*bounds)
    return f"{words}\n{shown}" if shown else words


def seconds(value: float) -> str:
    """A duration: 0.52 ms, 0.012 s, 4.2 s, 3 min 20 s, 2 h 5 min."""
    if value < 0.001:
        return f"{1000 * value:.2g} ms"
    if value < 1:
        return f"{value:.2g} s"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return "{} h {} min".format(*divmod(minutes, 60))


def of_interval(key: str, interval: Mapping[str, Any]) -> str:
    """A measure of `classification_metrics`: a value, mostly with low and high."""
    return in_words(key, interval.get("value"), interval.get("low"), interval.get("high"))
