"""Entries that are only read: sources of images and pretrained weights."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kedro.io import DatasetError

from graft.datasets import BackboneWeightsDataset, ImageSourceDataset
from graft.images import sources
from graft.models import weights


def image_source(folder: str | None) -> ImageSourceDataset:
    return ImageSourceDataset(
        source={"name": "folder", "folder": folder}, download_folder="data/01_raw"
    )


@pytest.mark.parametrize(
    ("folder", "expected"), [(None, None), ("photos", Path("photos")), ("~", Path.home())]
)
def test_a_source_is_listed_from_its_folder(
    monkeypatch: pytest.MonkeyPatch, folder: str | None, expected: Path | None
) -> None:
    spec = SimpleNamespace(list_from=lambda *given: given)
    monkeypatch.setattr(sources, "get_source", {"folder": spec}.__getitem__)
    assert image_source(folder).load() == (expected, Path("data/01_raw"), {})


def test_digits_are_listed() -> None:
    dataset = ImageSourceDataset(source={"name": "digits"}, download_folder="data/01_raw")
    listing = dataset.load()
    assert len(listing.records) == 1797
    assert dataset.exists()


def test_weights_are_loaded_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "load_weights", lambda *names: names)
    dataset = BackboneWeightsDataset(backbone="resnet18", weights="shipped")
    assert dataset.load() == ("resnet18", "shipped")


def test_no_weights_are_none() -> None:
    assert BackboneWeightsDataset(backbone="resnet20_cifar", weights="none").load() is None


@pytest.mark.parametrize(
    "dataset", [image_source(None), BackboneWeightsDataset(backbone="b", weights="none")], ids=repr
)
def test_saving_is_refused(dataset: Any) -> None:
    with pytest.raises(DatasetError, match="can only be loaded"):
        dataset.save("anything")
