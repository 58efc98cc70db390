"""The pipelines fit together and into the catalog."""

import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml

from graft.hooks import TIMING
from graft.pipeline_registry import register_pipelines
from graft.tracking.run_record import RUN_RECORD

STAGES = (
    "ingest",
    "augmentation",
    "training",
    "feature_extraction",
    "svm",
    "probes",
    "evaluation",
    "explanation",
    "bundle",
    "report",
)
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
    others = {
        "transfer_learning",
        "pretraining",
        "learning_rate_finder",
        "label_audit",
        "__default__",
    }
    others |= {"single_network", "single_svm", "study"}
    others |= {"comparison", "learning_curves", "backbone_selection", "sweep"}
    others |= {"svm_bundle", "linear_probe_bundle", "prediction", "export"}
    others |= {"training_helper", "single_network_helper", "pretraining_helper"}
    assert set(pipelines) == {*STAGES, *others}
    chained = {node for name in STAGES for node in pipelines[name].nodes}
    assert set(pipelines["transfer_learning"].nodes) == chained
    assert pipelines["__default__"] is pipelines["transfer_learning"]


def test_transfer_learning_starts_from_the_source_and_the_weights_alone(pipelines):
    chain = pipelines["transfer_learning"]
    inputs = {name for name in chain.inputs() if not name.startswith("param")}
    states = {"training_state", "scratch_state"}  # empty but after an interruption
    read = {"source_images", "pretrained_weights", "feature_cache", "run_origin"}
    assert inputs == read | states


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
    assert used | {TIMING, RUN_RECORD} == set(entries)  # which hooks save


def test_every_entry_has_a_layer(entries):
    for name, entry in entries.items():
        assert entry["metadata"]["kedro-viz"]["layer"], name


def test_the_layers_of_each_pipeline_have_an_order(pipelines, entries):
    """Without one Kedro-Viz silently shows no layers at all.

    It draws a stage as one box, whose outputs all depend on all of its inputs.
    """
    layer = {name: entry["metadata"]["kedro-viz"]["layer"] for name, entry in entries.items()}
    for pipeline in pipelines.values():
        before = {name: set() for name in layer.values()}
        for stage in {node.namespace for node in pipeline.nodes}:
            box = pipeline.filter(node_namespaces=[stage])
            above = {layer[name] for name in box.inputs() if name in layer}
            for output in box.all_outputs():
                before[layer[output]] |= above - {layer[output]}
        tuple(TopologicalSorter(before).static_order())  # an error where they go in a circle


def test_results_are_versioned(entries):
    """What a run goes on from is not: its names say what it was made of."""
    for name, entry in entries.items():
        path = entry.get("filepath", "")
        named_by_content = "_key}" in path or name == "feature_cache"
        if "/0" in path and not named_by_content and "_state" not in name:
            assert entry["versioned"] is True, name
            owner = "study" if name.startswith("study_") else "experiment"
            assert f"${{globals:{owner}}}" in entry["filepath"], name


def test_test_images_do_not_reach_training(pipelines):
    """Evaluation is downstream of training, never the other way round."""
    upstream = pipelines["transfer_learning"].to_outputs("best_checkpoint", "svm")
    assert not any("evaluation" in node.name for node in upstream.nodes)


def test_the_report_shows_all_figures_of_the_stages_before_it(pipelines):
    (report,) = pipelines["report"].nodes
    figures = pipelines["evaluation"].outputs() | pipelines["explanation"].outputs()
    assert figures - {"timing"} <= set(report.inputs)
    assert "report" in pipelines["transfer_learning"].outputs()


@pytest.mark.parametrize(
    ("helper", "helped", "trainings"),
    [
        ("training_helper", "transfer_learning", ["train_from_scratch", "train_transferred"]),
        ("single_network_helper", "single_network", ["train_network"]),
        ("pretraining_helper", "pretraining", ["pretrain"]),
    ],
)
def test_helpers_do_what_the_first_host_does_in_its_order(pipelines, helper, helped, trainings):
    """Each training meets under its own name: who came to another one would wait for ever."""
    first_host = [node for node in pipelines[helped].nodes if "params:processes" in node.inputs]
    assert [node.name.rpartition(".")[2] for node in first_host] == trainings
    for training, helping in zip(first_host, pipelines[helper].nodes, strict=True):
        told = [[name for name in node.inputs if "params:" in name] for node in (training, helping)]
        assert told[0] == told[1]


def test_registering_imports_nothing_heavy():
    code = (
        "import sys; from graft.pipeline_registry import register_pipelines; register_pipelines();"
        "heavy = {'torch', 'torchvision', 'sklearn', 'mlflow', 'matplotlib', 'skops', 'pandas'};"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
