"""What classifiers are worth: metrics with intervals, comparisons and figures."""

from graft.evaluation.baselines import baseline_predictions
from graft.evaluation.comparison import (
    comparison_table,
    mcnemar_exact,
    paired_difference,
    paired_seeds_interval,
)
from graft.evaluation.intervals import Interval
from graft.evaluation.metrics import classification_metrics
from graft.evaluation.predictions import Predictions

__all__ = [
    "Interval",
    "Predictions",
    "baseline_predictions",
    "classification_metrics",
    "comparison_table",
    "mcnemar_exact",
    "paired_difference",
    "paired_seeds_interval",
]
