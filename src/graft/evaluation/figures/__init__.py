"""Figures of a report, each a `matplotlib.figure.Figure` for the caller to save.

They are built without pyplot, hence without global state: safe in threads and without a display.
"""

from graft.evaluation.figures.augmentation import augmentation_preview
from graft.evaluation.figures.confusion import confusion_matrix
from graft.evaluation.figures.duplicates import duplicate_pairs
from graft.evaluation.figures.images import image_grid, wrong_predictions
from graft.evaluation.figures.ranking_curves import precision_recall_curves, roc_curves
from graft.evaluation.figures.scores import comparison, per_class_scores
from graft.evaluation.figures.training_curves import training_curves

__all__ = [
    "augmentation_preview",
    "comparison",
    "confusion_matrix",
    "duplicate_pairs",
    "image_grid",
    "per_class_scores",
    "precision_recall_curves",
    "roc_curves",
    "training_curves",
    "wrong_predictions",
]
