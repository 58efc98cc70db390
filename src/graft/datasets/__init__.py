"""The types of the catalog's entries: how each thing that a run makes lies on disk.

Whatever a run saves goes through the commit protocol (see `committed`). Kedro builds every entry of
the catalog at each command, so nothing heavy is imported here: torch, scikit-learn, skops, pandas
and matplotlib come in when something is loaded or saved.
"""

from graft.datasets.backbone_weights import BackboneWeightsDataset
from graft.datasets.checkpoint import CheckpointDataset
from graft.datasets.decoded_images import DecodedImagesDataset
from graft.datasets.duplicate_pairs import DuplicatePairsDataset
from graft.datasets.feature_cache import FeatureCacheDataset
from graft.datasets.features import FeaturesDataset
from graft.datasets.figure import FigureDataset
from graft.datasets.image_source import ImageSourceDataset
from graft.datasets.image_store import ImageStoreDataset
from graft.datasets.metrics import MetricsDataset
from graft.datasets.svm import SVMDataset
from graft.datasets.table import TableDataset
from graft.datasets.text import TextDataset
from graft.datasets.training_state import TrainingStateDataset

__all__ = [
    "BackboneWeightsDataset",
    "CheckpointDataset",
    "DecodedImagesDataset",
    "DuplicatePairsDataset",
    "FeatureCacheDataset",
    "FeaturesDataset",
    "FigureDataset",
    "ImageSourceDataset",
    "ImageStoreDataset",
    "MetricsDataset",
    "SVMDataset",
    "TableDataset",
    "TextDataset",
    "TrainingStateDataset",
]
