"""Whatever way the images lie, the whole pipeline runs on them: small files, real catalog."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from graft.images.sources import mnist, voc2007
from graft.pipeline_registry import register_pipelines

from ..images.image_files import write_classes
from ..images.labelled_files import write_manifest, write_voc
from ..images.sources.test_idx import PER_CLASS, write_files
from .project_copy import ProjectCopy

pytestmark = pytest.mark.slow

Source = dict[str, Any]
OBJECTS = ("dog", "person", "cat person", "dog person?", "cat", "dog cat")  # "?": difficult


def class_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    return {"name": "folder", "folder": str(write_classes(root / "pets", count=12))}


def idx_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    collection = dataclasses.replace(mnist.MNIST, images_per_class=PER_CLASS)
    monkeypatch.setattr(mnist, "MNIST", collection)
    return {"name": "mnist", "folder": str(write_files(root / "mnist"))}


def voc(root: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    parts = {"train": OBJECTS * 4, "validation": OBJECTS * 2, "test": OBJECTS * 2}
    write_voc(root / "VOCdevkit", parts)
    monkeypatch.setattr(voc2007, "IMAGES", {part: len(images) for part, images in parts.items()})
    return {"name": "voc2007", "folder": str(root / "VOCdevkit")}


def one_label_table(root: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    parts = ("train", "train", "train", "val", "test")
    rows = [
        {"path": f"{k}.png", "label": ("cat", "dog", "007")[k % 3], "split": parts[k // 3 % 5]}
        for k in range(45)
    ]
    return {"name": "manifest", "folder": str(write_manifest(root / "labels.csv", rows))}


def several_labels_table(root: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    labels = ("cat", "dog", "cat dog", "", "dog bird")
    rows = [{"image_id": f"{k:02d}", "labels": labels[k % 5]} for k in range(60)]
    table = write_manifest(root / "labels.parquet", rows, column="image_id", extension=".png")
    options = {"separator": " ", "extension": ".png"}
    return {"name": "manifest", "folder": str(table), "options": options}


SMALL = {
    "images": {"size": 16, "min_images_per_class": 1},
    "training": {"epochs": 1, "batch_size": 16},
    "evaluation": {"bootstrap_resamples": 100},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A project without any defaults of a user's own."""
    return ProjectCopy.make(tmp_path_factory.mktemp("project"), "")


def run(project: ProjectCopy, **parameters: Any) -> DataCatalog:
    """`transfer_learning` in this process, where a published collection may be a small one."""
    catalog = project.catalog(**parameters)
    for name, value in project.parameters(**parameters).items():
        catalog[f"params:{name}"] = MemoryDataset(value)
    SequentialRunner().run(register_pipelines()["transfer_learning"], catalog)
    return project.catalog(**parameters)


@pytest.mark.parametrize("lay_out", [class_folder, idx_files, one_label_table])
def test_images_of_one_class_go_all_the_way(
    project: ProjectCopy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lay_out: Callable[..., Source],
) -> None:
    catalog = run(project, source=lay_out(tmp_path, monkeypatch), **SMALL)
    store = catalog.load("image_store")
    assert not store.multi_label
    assert set(store.manifest["split"]) == {"train", "validation", "test"}
    assert len(catalog.load("quarantine")) == 0
    table = catalog.load("comparison_table")
    assert table["accuracy"].between(0, 1).all()
    assert set(table["test_images"]) == {len(store.indices("test"))}


@pytest.mark.parametrize("lay_out", [voc, several_labels_table])
def test_images_of_several_classes_go_all_the_way(
    project: ProjectCopy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lay_out: Callable[..., Source],
) -> None:
    catalog = run(project, source=lay_out(tmp_path, monkeypatch), **SMALL)
    store = catalog.load("image_store")
    assert store.multi_label
    assert catalog.load("dataset_card")["task"] == "multi-label"
    labels = store.labels("test")
    assert labels.shape == (len(store.indices("test")), store.num_classes)
    assert ((labels == -1).any()) == (lay_out is voc)
    assert catalog.load("features").labels.shape[1] == store.num_classes
    history = catalog.load("training_history")
    assert history["validation_mean_average_precision"].between(0, 1).all()
    for method, measured in catalog.load("metrics").items():
        assert measured["method"] == method
        assert 0 <= measured["mean_average_precision"]["value"] <= 1
    table = catalog.load("comparison_table")
    assert table["mean_average_precision"].between(0, 1).all()
    assert (table["test_images"] == len(labels)).all()
    predictions = catalog.load("network_predictions")
    assert isinstance(predictions, pd.DataFrame)
    shown = predictions[[f"label_{name}" for name in store.class_names]].to_numpy()
    np.testing.assert_array_equal(shown, labels)
    answer = catalog.load("model_bundle").predict(store.images[store.indices("test")])
    assert answer.labels == list(predictions["predicted"])
