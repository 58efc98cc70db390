"""The types of the catalog's entries: how each thing that a run makes lies on disk.

Whatever a run saves goes through the commit protocol (see `committed`). Kedro builds every entry of
the catalog at each command, so nothing heavy is imported here: torch, scikit-learn, skops, pandas
and matplotlib come in when something is loaded or saved.
"""

from graft.datasets.backbone_weights import BackboneWeightsDataset
from graft.datasets.bundle import BundleDataset, ChosenBundleDataset
from graft.datasets.candidate_weights import CandidateWeightsDataset
from graft.datasets.checkpoint import CheckpointDataset
from graft.datasets.decoded_images import DecodedImagesDataset
from graft.datasets.duplicate_pairs import DuplicatePairsDataset
from graft.datasets.experiment_file import ExperimentFileDataset
from graft.datasets.exported_network import ExportedNetworkDataset
from graft.datasets.feature_cache import FeatureCacheDataset
from graft.datasets.features import FeaturesDataset
from graft.datasets.figure import FigureDataset
from graft.datasets.html import HTMLDataset
from graft.datasets.image_folder import ImageFolderDataset
from graft.datasets.image_source import ImageSourceDataset
from graft.datasets.image_store import ImageStoreDataset
from graft.datasets.metrics import MetricsDataset
from graft.datasets.probes import KNNDataset, LinearProbeDataset
from graft.datasets.run_origin import RunOriginDataset
from graft.datasets.run_results import RunResultsDataset
from graft.datasets.study import StudyPlanDataset, StudyResultsDataset
from graft.datasets.svm import SVMDataset
from graft.datasets.table import TableDataset
from graft.datasets.text import TextDataset
from graft.datasets.training_state import TrainingStateDataset
from graft.datasets.trial_storage import TrialStorageDataset

__all__ = [
    "BackboneWeightsDataset",
    "BundleDataset",
    "CandidateWeightsDataset",
    "CheckpointDataset",
    "ChosenBundleDataset",
    "DecodedImagesDataset",
    "DuplicatePairsDataset",
    "ExperimentFileDataset",
    "ExportedNetworkDataset",
    "FeatureCacheDataset",
    "FeaturesDataset",
    "FigureDataset",
    "HTMLDataset",
    "ImageFolderDataset",
    "ImageSourceDataset",
    "ImageStoreDataset",
    "KNNDataset",
    "LinearProbeDataset",
    "MetricsDataset",
    "RunOriginDataset",
    "RunResultsDataset",
    "SVMDataset",
    "StudyPlanDataset",
    "StudyResultsDataset",
    "TableDataset",
    "TextDataset",
    "TrainingStateDataset",
    "TrialStorageDataset",
]
