"""All types together, as a catalog builds them at every command."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import graft.datasets

STUDY = {
    "study": "mnist",
    "rows": {"only": None, "seeds": [0], "processes": 1},
    "configuration": {"conf_source": "conf", "env": None, "runtime_params": {}},
    "project_path": ".",
}

ENTRIES = {
    "image_source": {
        "type": "graft.datasets.ImageSourceDataset",
        "source": {"name": "digits", "folder": None},
        "download_folder": "data/01_raw",
    },
    "backbone_weights": {
        "type": "graft.datasets.BackboneWeightsDataset",
        "backbone": "resnet20_cifar",
        "weights": "shipped",
    },
    "candidate_weights": {
        "type": "graft.datasets.CandidateWeightsDataset",
        "candidates": [{"backbone": "resnet20_cifar", "weights": "shipped"}],
    },
    "decoded_images": {
        "type": "graft.datasets.DecodedImagesDataset",
        "filepath": "data/02_intermediate/decoded/digits-1a2b3c4d",
    },
    "training_state": {
        "type": "graft.datasets.TrainingStateDataset",
        "filepath": "data/06_models/digits/training_state/seed_0",
    },
    "best_experiment": {
        "type": "graft.datasets.ExperimentFileDataset",
        "filepath": "conf/experiments/sweeps/digits_best.yml",
    },
    "sweep_state": {
        "type": "graft.datasets.TrialStorageDataset",
        "filepath": "data/06_models/digits/trials",
        "url": None,
        "heartbeat": 60.0,
    },
    "prediction_bundle": {
        "type": "graft.datasets.ChosenBundleDataset",
        "bundle": "model_bundle",
        "experiment": "digits",
        "folder": "data/06_models/digits",
    },
    "prediction_images": {"type": "graft.datasets.ImageFolderDataset", "folder": None},
    "feature_cache": {
        "type": "graft.datasets.FeatureCacheDataset",
        "filepath": "data/04_feature/cache",
        "max_gigabytes": 8.0,
    },
    "run_origin": {
        "type": "graft.datasets.RunOriginDataset",
        "project_path": ".",
        "pipeline": "transfer_learning",
        "parameters": {"experiment": "digits"},
        "changes": [],
    },
    "compared_results": {
        "type": "graft.datasets.RunResultsDataset",
        "folder": "data/07_model_output",
        "predictions": ["network_predictions"],
        "runs": None,
        "experiments": ["digits"],
    },
    "study_plan": {"type": "graft.datasets.StudyPlanDataset", **STUDY},
    "study_results": {"type": "graft.datasets.StudyResultsDataset", "plan": STUDY},
    "duplicate_pairs": {
        "type": "graft.datasets.DuplicatePairsDataset",
        "filepath": "data/02_intermediate/duplicates/digits-1a2b3c4d.csv",
    },
    "image_store": {
        "type": "graft.datasets.ImageStoreDataset",
        "filepath": "data/02_intermediate/digits-1a2b3c4d",
    },
    **{
        name: {"type": f"graft.datasets.{kind}", "filepath": f"data/{name}", "versioned": True}
        for name, kind in {
            "best_checkpoint": "CheckpointDataset",
            "model_bundle": "BundleDataset",
            "exported_network": "ExportedNetworkDataset",
            "features": "FeaturesDataset",
            "svm": "SVMDataset",
            "linear_probe": "LinearProbeDataset",
            "knn": "KNNDataset",
            "quarantine": "TableDataset",
            "test_metrics": "MetricsDataset",
            "confusion_matrix": "FigureDataset",
            "model_card": "TextDataset",
            "report": "HTMLDataset",
        }.items()
    },
}

BUILD = """
import json, sys
from kedro.io import DataCatalog

catalog = DataCatalog.from_config(json.loads(sys.argv[1]))
print(json.dumps([[type(catalog.get(name)).__name__ for name in catalog], list(sys.modules)]))
"""


@pytest.fixture(scope="module")
def built() -> tuple[list[str], set[str]]:
    """The types that a fresh process built, and the modules that it imported for them."""
    entries = {name: {**entry, "metadata": {"mlflow": "input"}} for name, entry in ENTRIES.items()}
    process = subprocess.run(
        [sys.executable, "-c", BUILD, json.dumps(entries)], capture_output=True, check=True
    )
    types, modules = json.loads(process.stdout)
    return types, set(modules)


def test_a_catalog_builds_every_type(built: tuple[list[str], set[str]]) -> None:
    assert sorted(built[0]) == sorted(graft.datasets.__all__)


@pytest.mark.parametrize(
    "library",
    ["torch", "torchvision", "sklearn", "skops", "matplotlib", "mlflow", "pandas", "numpy", "PIL"],
)
def test_building_a_catalog_imports_nothing_heavy(
    built: tuple[list[str], set[str]], library: str
) -> None:
    assert library not in built[1]
