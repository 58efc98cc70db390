"""Previews as Kedro-Viz itself asks for them."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from kedro.io import AbstractDataset
from kedro_viz.models.flowchart.node_metadata import DataNodeMetadata
from kedro_viz.models.flowchart.nodes import GraphNode
from PIL import Image

from graft import datasets
from graft.images.store import ImageStore
from graft.probes.extraction import Features
from graft.training.checkpoint import Checkpoint


def show(dataset: AbstractDataset[Any, Any]) -> tuple[str | None, Any]:
    """The kind and the content of what Kedro-Viz shows for a dataset."""
    node = GraphNode.create_data_node(
        dataset_id="1",
        dataset_name="entry",
        layer=None,
        tags=set(),
        dataset=dataset,
        modular_pipelines=None,
    )
    metadata = DataNodeMetadata(data_node=node)
    return metadata.preview_type, metadata.preview


def saved(kind: str, path: Path, value: Any) -> AbstractDataset[Any, Any]:
    dataset = getattr(datasets, kind)(filepath=str(path / kind))
    dataset.save(value)
    return dataset


def open_picture(preview: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(preview)))


def test_a_table_shows_its_first_rows(tmp_path: Path) -> None:
    table = pd.DataFrame({"id": [f"{i:02}" for i in range(30)], "score": [np.nan, *range(29)]})
    kind, preview = show(saved("TableDataset", tmp_path, table))
    assert kind == "TablePreview"
    assert preview["columns"] == ["id", "score"]
    assert preview["data"][:2] == [["00", None], ["01", 0.0]]
    assert len(preview["index"]) == len(preview["data"]) == 10


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        pytest.param("MetricsDataset", {"accuracy": 0.5}, {"accuracy": 0.5}, id="metrics"),
        pytest.param(
            "CheckpointDataset",
            Checkpoint(weights={"w": torch.ones(2)}, metadata={"epoch": 3}),
            {"epoch": 3},
            id="checkpoint",
        ),
        pytest.param(
            "FeaturesDataset",
            Features(
                matrix=np.zeros((2, 3), np.float32),
                ids=np.array(["a", "b"]),
                labels=np.zeros(2, np.int64),
                splits=np.array(["train", "test"]),
                class_names=("a",),
                metadata={"taps": ["stage3"]},
            ),
            {"images": 2, "taps": ["stage3"]},
            id="features",
        ),
    ],
)
def test_descriptions_are_shown_as_json(
    tmp_path: Path, kind: str, value: Any, expected: Any
) -> None:
    shown_as, preview = show(saved(kind, tmp_path, value))
    assert shown_as == "JSONPreview"
    assert json.loads(preview) == expected


def test_a_figure_is_shown(tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    kind, preview = show(saved("FigureDataset", tmp_path, Figure(figsize=(2, 1))))
    assert kind == "ImagePreview"
    assert open_picture(preview).format == "PNG"


def test_an_image_store_shows_samples(tmp_path: Path) -> None:
    manifest = pd.DataFrame(
        [["a", "cat", "train", 4, 4, "00"], ["b", "dog", "test", 4, 4, "11"]],
        columns=["id", "label", "split", "width", "height", "sha256"],
    )
    store = ImageStore(np.zeros((2, 4, 4, 3), np.uint8), manifest, ("cat", "dog"), "pets")
    kind, preview = show(saved("ImageStoreDataset", tmp_path, store))
    assert kind == "ImagePreview"
    assert open_picture(preview).width == 2 * 96


def test_nothing_is_shown_before_anything_is_saved(tmp_path: Path) -> None:
    assert show(datasets.MetricsDataset(filepath=str(tmp_path / "none")))[1] is None
