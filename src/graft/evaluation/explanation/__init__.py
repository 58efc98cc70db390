"""Why a network decides as it does: Grad-CAM, its first filters, a map of its features."""

from graft.evaluation.explanation.feature_map import FeatureMap, map_features
from graft.evaluation.explanation.filters import first_layer_filters
from graft.evaluation.explanation.grad_cam import GradCam, grad_cam, last_spatial_stage

__all__ = [
    "FeatureMap",
    "GradCam",
    "first_layer_filters",
    "grad_cam",
    "last_spatial_stage",
    "map_features",
]
