"""Bundles, exports and folders of images as entries of the catalog."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from kedro.io import DatasetError, Version

from graft import storage
from graft.bundle import load_bundle
from graft.bundle.export import ExportedNetwork
from graft.datasets import (
    BundleDataset,
    ChosenBundleDataset,
    ExportedNetworkDataset,
    ImageFolderDataset,
)

from ..bundle.making import network_bundle, pictures, svm_bundle
from ..images.image_files import encode


def save(folder: Path, version: str, **changes: object) -> Path:
    """A version of the experiment's bundle; where it lies."""
    dataset = BundleDataset(filepath=str(folder / "model_bundle"), version=Version(None, version))
    dataset.save(network_bundle(**changes))
    return folder / "model_bundle" / version


def chosen(folder: Path, bundle: str) -> ChosenBundleDataset:
    return ChosenBundleDataset(bundle=bundle, experiment="pets", folder=str(folder))


@pytest.mark.parametrize("make", [network_bundle, svm_bundle])
def test_a_version_is_a_bundle_that_loads_by_itself(make: object, tmp_path: Path) -> None:
    bundle = make()  # type: ignore[operator]
    dataset = BundleDataset(filepath=str(tmp_path / "model_bundle"), version=Version(None, "1"))
    dataset.save(bundle)
    expected = bundle.predict(pictures(2)).scores
    for loaded in (dataset.load(), load_bundle(tmp_path / "model_bundle/1")):
        np.testing.assert_allclose(loaded.predict(pictures(2)).scores, expected, rtol=1e-5)
    assert json.loads(dataset.preview())["name"] == "pets"


def test_every_file_is_hashed_once_and_a_foreign_one_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save(tmp_path, "1")
    dataset = BundleDataset(filepath=str(tmp_path / "model_bundle"), version=Version(None, "1"))
    hashed: list[str] = []
    sha256 = storage._sha256
    monkeypatch.setattr(storage, "_sha256", lambda path: hashed.append(path.name) or sha256(path))
    dataset.load()
    assert sorted(hashed) == sorted(storage.saved_files(folder))
    (folder / "probe.safetensors").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"probe\.safetensors"):
        dataset.load()


def test_the_newest_bundle_of_the_experiment_is_chosen(tmp_path: Path) -> None:
    save(tmp_path, "2026-01-01", name="old")
    save(tmp_path, "2026-01-02", name="new")
    assert chosen(tmp_path, "model_bundle").load().name == "new"


def test_any_folder_may_be_named(tmp_path: Path) -> None:
    old = save(tmp_path, "2026-01-01", name="old")
    save(tmp_path, "2026-01-02", name="new")
    assert chosen(tmp_path / "elsewhere", str(old)).load().name == "old"
    with pytest.raises(DatasetError, match="2026-01-02' meant"):
        chosen(tmp_path, str(tmp_path / "model_bundle")).load()


@pytest.mark.parametrize(
    ("bundle", "pipeline"), [("model_bundle", "bundle"), ("svm_bundle", "svm_bundle")]
)
def test_without_a_bundle_it_says_what_makes_one(
    tmp_path: Path, bundle: str, pipeline: str
) -> None:
    with pytest.raises(DatasetError, match=f"'pets' has no '{bundle}'.*--pipeline={pipeline}"):
        chosen(tmp_path, bundle).load()


def test_an_export_comes_back_as_it_was(tmp_path: Path) -> None:
    dataset = ExportedNetworkDataset(filepath=str(tmp_path / "exported_network"))
    exported = ExportedNetwork("onnx", b"\x08\x0a", {"class_names": ["cat"]})
    dataset.save(exported)
    assert dataset.load() == exported
    assert (tmp_path / "exported_network/network.onnx").read_bytes() == b"\x08\x0a"
    assert json.loads(dataset.preview()) == {"format": "onnx", "class_names": ["cat"]}


def test_the_images_of_a_folder_are_listed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/1.png").write_bytes(encode(pictures(1)[0]))
    (tmp_path / "notes.txt").write_text("no image")
    tree = ImageFolderDataset(folder=str(tmp_path)).load()
    assert tree.files == ("a/1.png",)


@pytest.mark.parametrize(
    ("folder", "message"),
    [(None, "is null"), ("missing", "does not exist"), (".", "holds no image file")],
)
def test_where_there_are_no_images_the_parameter_is_named(
    tmp_path: Path, folder: str | None, message: str
) -> None:
    path = folder and str(tmp_path / folder)
    with pytest.raises(DatasetError, match=rf"{message}|prediction\.folder") as refused:
        ImageFolderDataset(folder=path).load()
    assert "prediction.folder" in str(refused.value)
    assert message in str(refused.value)
