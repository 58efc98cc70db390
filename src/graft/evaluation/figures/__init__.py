"""Figures of a report, each a `matplotlib.figure.Figure` for the caller to save.

They are built without pyplot, hence without global state: safe in threads and without a display.
"""

from graft.evaluation.figures.augmentation import augmentation_preview
from graft.evaluation.figures.backbone_ranking import backbone_ranking
from graft.evaluation.figures.confusion import confusion_matrix
from graft.evaluation.figures.duplicates import duplicate_pairs
from graft.evaluation.figures.feature_map import feature_map
from graft.evaluation.figures.filters import first_layer_filters
from graft.evaluation.figures.grad_cam import grad_cam
from graft.evaluation.figures.images import image_grid
from graft.evaluation.figures.learning_rates import learning_rate_curve
from graft.evaluation.figures.parallel_coordinates import parallel_coordinates
from graft.evaluation.figures.predictions import prediction_grid, wrong_predictions
from graft.evaluation.figures.ranking_curves import precision_recall_curves, roc_curves
from graft.evaluation.figures.reliability import reliability_diagrams
from graft.evaluation.figures.scores import comparison, per_class_scores
from graft.evaluation.figures.style import in_words
from graft.evaluation.figures.suspicious import suspicious_labels
from graft.evaluation.figures.tables import strategy_table
from graft.evaluation.figures.training_curves import training_curves

__all__ = [
    "augmentation_preview",
    "backbone_ranking",
    "comparison",
    "confusion_matrix",
    "duplicate_pairs",
    "feature_map",
    "first_layer_filters",
    "grad_cam",
    "image_grid",
    "in_words",
    "learning_rate_curve",
    "parallel_coordinates",
    "per_class_scores",
    "precision_recall_curves",
    "prediction_grid",
    "reliability_diagrams",
    "roc_curves",
    "strategy_table",
    "suspicious_labels",
    "training_curves",
    "wrong_predictions",
]
