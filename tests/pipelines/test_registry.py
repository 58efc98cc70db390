"""The pipelines fit together and into the catalog."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from graft.pipeline_registry import register_pipelines

STAGES = ("ingest", "augmentation", "training", "feature_extraction", "svm", "evaluation")
CATALOG = Path(__file__).parents[2] / "conf" / "base"


@pytest.fixture(scope="module")
def pipelines():
    return register_pipelines()


@pytest.fixture(scope="module")
def entries():
    found = {}
    for file in CATALOG.glob("catalog*.yml"):
        found |= yaml.safe_load(file.read_text())
    return found


def test_transfer_learning_chains_all_stages_and_is_the_default(pipelines):
    assert set(pipelines) == {*STAGES, "transfer_learning", "pretraining", "__default__"}
    chained = {node for name in STAGES for node in pipelines[name].nodes}
    assert set(pipelines["transfer_learning"].nodes) == chained
    assert pipelines["__default__"] is pipelines["transfer_learning"]


def test_transfer_learning_starts_from_the_source_and_the_weights_alone(pipelines):
    inputs = {name for name in pipelines["transfer_learning"].inputs() if "params:" not in name}
    states = {"training_state", "scratch_state"}  # empty but after an interruption
    assert inputs == {"source_images", "pretrained_weights", "feature_cache"} | states


def test_whatever_is_handed_from_stage_to_stage_is_stored(pipelines, entries):
    """So that each stage can be run alone."""
    for name in STAGES:
        needed = {d for d in pipelines[name].inputs() if "param" not in d}
        for dataset in needed:
            assert entries[dataset]["type"] != "MemoryDataset", dataset


def test_every_dataset_has_an_entry_and_every_entry_a_use(pipelines, entries):
    used = {
        dataset
        for pipeline in pipelines.values()
        for dataset in pipeline.datasets()
        if not dataset.startswith("param")
    }
    assert used == set(entries)


def test_every_entry_has_a_layer(entries):
    for name, entry in entries.items():
        assert entry["metadata"]["kedro-viz"]["layer"], name


def test_results_are_versioned(entries):
    """What a run goes on from is not: its names say what it was made of."""
    for name, entry in entries.items():
        path = entry.get("filepath", "")
        named_by_content = "_key}" in path or name == "feature_cache"
        if "/0" in path and not named_by_content and "_state" not in name:
            assert entry["versioned"] is True, name
            assert "${globals:experiment}" in entry["filepath"], name


def test_test_images_do_not_reach_training(pipelines):
    """Evaluation is downstream of training, never the other way round."""
    upstream = pipelines["transfer_learning"].to_outputs("best_checkpoint", "svm")
    assert not any("evaluation" in node.name for node in upstream.nodes)


def test_registering_imports_nothing_heavy():
    code = (
        "import sys; from graft.pipeline_registry import register_pipelines; register_pipelines();"
        "heavy = {'torch', 'torchvision', 'sklearn', 'mlflow', 'matplotlib', 'skops', 'pandas'};"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
