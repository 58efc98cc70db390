"""What the parameters alone forbid is refused before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from graft.errors import GraftError
from graft.pipeline_registry import register_pipelines
from graft.pipelines.requirements import require_runnable

BASE = Path(__file__).parents[2] / "conf/base"
PIPELINES = register_pipelines()


def parameters(**changes: Any) -> dict[str, Any]:
    files = map(OmegaConf.load, sorted(BASE.glob("parameters*.yml")))
    merged: Any = OmegaConf.to_container(OmegaConf.merge(*files, OmegaConf.create(changes)))
    return dict(merged)


@pytest.mark.parametrize("pipeline", ["transfer_learning", "single_svm", "pretraining", "study"])
def test_the_defaults_can_be_run(pipeline):
    require_runnable(PIPELINES[pipeline], parameters())


@pytest.mark.parametrize(
    ("pipeline", "changes", "said"),
    [
        ("ingest", {"source": {"name": "folder"}}, "source.folder"),
        ("training", {"model": {"freezing": ["layer4"]}}, "stage3"),
        ("training", {"model": {"weights": "none"}}, "nothing to transfer"),
        ("training", {"scratch": {"stage_learning_rates": {"layer4": 0.1}}}, "`scratch`"),
        ("feature_extraction", {"features": {"taps": ["layer9"]}}, "layer9"),
        ("sweep", {}, "sweep.space is empty"),
        ("comparison", {}, "comparison: nothing is chosen"),
        ("prediction", {}, "prediction.folder is null"),
        ("prediction", {"prediction": {"folder": "no/such/folder"}}, "Set prediction.folder"),
    ],
)
def test_what_a_pipeline_reads_has_to_be_right(pipeline, changes, said):
    with pytest.raises(GraftError, match=said):
        require_runnable(PIPELINES[pipeline], parameters(**changes))


def test_what_a_pipeline_does_not_read_may_be_wrong():
    mistakes = {"model": {"backbone": "restnet50"}, "features": {"taps": ["layer9"]}}
    require_runnable(PIPELINES["ingest"], parameters(**mistakes))
    require_runnable(PIPELINES["training"], parameters(features=mistakes["features"]))


def test_without_downloads_the_network_is_checked_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    published = {"backbone": "resnet18", "weights": "IMAGENET1K_V1"}
    pipeline = PIPELINES["training"]
    require_runnable(pipeline, parameters(model=published), download=False)
    frozen = {**published, "freezing": ["stage3"]}
    with pytest.raises(GraftError, match="layer3"):
        require_runnable(pipeline, parameters(model=frozen), download=False)
    misspelt = {**published, "weights": "IMAGENET1K_V9"}
    with pytest.raises(GraftError, match="IMAGENET1K_V1"):
        require_runnable(pipeline, parameters(model=misspelt), download=False)
