"""Figures of a report, each a `matplotlib.figure.Figure` for the caller to save.

They are built without pyplot, hence without global state: safe in threads and without a display.
"""

from graft.evaluation.figures.confusion import confusion_matrix
from graft.evaluation.figures.curves import roc_curves, training_curves
from graft.evaluation.figures.duplicates import duplicate_pairs
from graft.evaluation.figures.images import augmentation_preview, image_grid, wrong_predictions
from graft.evaluation.figures.scores import comparison, per_class_accuracy

__all__ = [
    "augmentation_preview",
    "comparison",
    "confusion_matrix",
    "duplicate_pairs",
    "image_grid",
    "per_class_accuracy",
    "roc_curves",
    "training_curves",
    "wrong_predictions",
]
