"""A folder is a bundle or it is refused, and whatever lies in it, nothing of it is executed."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
import torch
from safetensors.torch import save
from sklearn.preprocessing import FunctionTransformer

from graft.bundle import load_bundle, save_bundle
from graft.bundle.files import write_bundle
from graft.errors import GraftError
from graft.storage import committed

from .making import CPU, network_bundle, svm_bundle

FILES = ("bundle.json", "network.safetensors", "machine.skops", "README.md")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a bundle with a machine, without their manifest."""
    folder = tmp_path_factory.mktemp("original")
    write_bundle(folder, svm_bundle())
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return sealed(tmp_path / "bundle", original)


def sealed(target: Path, original: Path, **changed: bytes) -> Path:
    """A bundle with other contents, as somebody makes it who can write manifests."""
    with committed(target) as folder:
        for file in original.iterdir():
            key = file.name.partition(".")[0]
            (folder / file.name).write_bytes(changed.get(key, file.read_bytes()))
    return target


def described(original: Path, **changes: Any) -> bytes:
    description = json.loads((original / "bundle.json").read_text())
    return json.dumps({**description, **changes}).encode()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("place", [0.1, 0.5, 0.999])
def test_a_changed_byte_is_seen(folder: Path, name: str, place: float) -> None:
    content = bytearray((folder / name).read_bytes())
    content[int(len(content) * place)] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(GraftError, match=name):
        load_bundle(folder)


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_a_missing_file_is_seen(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(GraftError, match=name):
        load_bundle(folder)


ADDED: dict[str, Callable[[Path], Any]] = {
    "a script": lambda folder: (folder / "sitecustomize.py").write_text("raise SystemExit"),
    "a pickle": lambda folder: (folder / "model.pkl").write_bytes(pickle.dumps(1)),
    "a hidden file": lambda folder: (folder / ".hidden").write_text(""),
    "a folder": lambda folder: (folder / "code").mkdir(),
    "a link": lambda folder: (folder / "link.json").symlink_to("/etc/hostname"),
    "a pipe": lambda folder: os.mkfifo(folder / "pipe"),
}


@pytest.mark.parametrize("add", ADDED.values(), ids=ADDED)
def test_what_does_not_belong_to_a_bundle_is_refused(
    folder: Path, add: Callable[[Path], Any]
) -> None:
    before = set(folder.iterdir())
    add(folder)
    (added,) = set(folder.iterdir()) - before
    with pytest.raises(GraftError, match=added.name):
        load_bundle(folder)


def test_a_file_in_the_place_of_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "network.safetensors"
    (folder / "network.safetensors").rename(elsewhere)
    (folder / "network.safetensors").symlink_to(elsewhere)
    with pytest.raises(GraftError, match=r"network\.safetensors is a link"):
        load_bundle(folder)


def test_a_machine_without_a_checksum_is_refused(tmp_path: Path, original: Path) -> None:
    save_bundle(tmp_path / "bundle", network_bundle())
    (tmp_path / "bundle/machine.skops").write_bytes((original / "machine.skops").read_bytes())
    with pytest.raises(GraftError, match=r"machine\.skops is not recorded"):
        load_bundle(tmp_path / "bundle")


def test_a_manifest_that_names_no_files_is_refused(folder: Path) -> None:
    (folder / "manifest.json").write_text(json.dumps({"format": 1, "files": {}}))
    with pytest.raises(GraftError, match=r"not recorded in manifest\.json"):
        load_bundle(folder)


def test_a_manifest_that_names_files_elsewhere_is_refused(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["../secret"] = manifest["files"]["README.md"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(GraftError, match=r"secret is missing"):
        load_bundle(folder)


@pytest.mark.parametrize("within", ["", "data"])
def test_a_model_folder_with_code_in_it_is_refused_unexecuted(
    folder: Path, tmp_path: Path, within: str
) -> None:
    """Trial 40: MLflow itself would import `loader_module` from `code`, pickles allowed or not."""
    model, witness = tmp_path / "model", tmp_path / "executed"
    (model / "code").mkdir(parents=True)
    if within:
        folder.rename(model / within)
    else:
        for file in folder.iterdir():
            file.rename(model / file.name)
    (model / "code/loader.py").write_text(f"open({str(witness)!r}, 'w')\n_load_pyfunc = print\n")
    (model / "MLmodel").write_text(
        "flavors:\n  python_function:\n    loader_module: loader\n    code: code\n"
    )
    with pytest.raises(GraftError, match=r"no bundle|MLmodel"):
        load_bundle(model)
    assert not witness.exists()


CALLS: list[str] = []


def call(features: np.ndarray) -> np.ndarray:
    CALLS.append("executed")
    return features


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return CALLS.append, ("executed",)


def test_a_skops_file_of_other_types_is_refused_unexecuted(tmp_path: Path, original: Path) -> None:
    called = FunctionTransformer(call)
    bomb = skops.io.dumps({"scaler": called, "machine": called})
    with pytest.raises(GraftError, match=r"machine\.skops.*FunctionTransformer"):
        load_bundle(sealed(tmp_path / "bundle", original, machine=bomb))
    assert CALLS == []


@pytest.mark.parametrize("key", ["machine", "network", "bundle"])
def test_a_pickle_is_refused_unexecuted(tmp_path: Path, original: Path, key: str) -> None:
    with pytest.raises(GraftError, match=key):
        load_bundle(sealed(tmp_path / "bundle", original, **{key: pickle.dumps(Bomb())}))
    assert CALLS == []


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 8, (1 << 40).to_bytes(8, "little"), b"\x02\0\0\0\0\0\0\0{}x"]
)
def test_weights_with_a_wrong_header_are_refused(
    tmp_path: Path, original: Path, content: bytes
) -> None:
    with pytest.raises(GraftError, match=r"network\.safetensors cannot be read"):
        load_bundle(sealed(tmp_path / "bundle", original, network=content))


def weights(change: Callable[[torch.Tensor], torch.Tensor]) -> bytes:
    state = network_bundle().network.weights
    name = "conv1.weight"
    return save({**state, name: change(state[name]).contiguous()})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensor: tensor[1:], "another shape"),
        (lambda tensor: tensor * float("nan"), "not finite|no number"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    tmp_path: Path, original: Path, change: Any, message: str
) -> None:
    with pytest.raises(GraftError, match=message):
        load_bundle(sealed(tmp_path / "bundle", original, network=weights(change)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loader": "os.system"}, "'loader' is no key"),
        ({"format": 2}, "format 2"),
        ({"class_names": "cat"}, "'class_names' is of a wrong type"),
        ({"class_names": ["cat", 3, "owl"]}, "no list of names"),
        ({"class_names": ["cat", "dog"]}, "do not fit together|classes"),
        ({"thresholds": [0.5]}, "'thresholds'"),
        ({"temperature": 0}, "'temperature'"),
        ({"transform": {"size": 16, "max_pixels": 9}}, r"'transform\.rule' is missing"),
        ({"transform": {"size": 10**6, "max_pixels": 9, "rule": 1}}, r"'transform\.size'"),
        ({"probe": None}, "says otherwise"),
        ({"probe": {"kind": "os", "taps": [], "grid": 1, "metadata": {}}}, r"'probe\.kind'"),
        ({"probe": {"kind": "linear_probe", "taps": [], "grid": 1, "metadata": {}}}, "otherwise"),
        pytest.param(
            {"network": {"backbone": "os.system"}},
            "there is no backbone 'os.system'",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"network": {"backbone": "timm:hf-hub:somebody/network"}},
            "do not fit together",
            marks=pytest.mark.slow,
        ),
        ({"network": {}}, "do not fit together"),
        (
            {"probe": {"kind": "svm", "taps": ["nowhere"], "grid": 1, "metadata": {}}},
            "nowhere|fit together",
        ),
    ],
    ids=str,
)
def test_a_description_that_says_something_else_is_refused(
    tmp_path: Path, original: Path, changes: dict[str, Any], message: str
) -> None:
    content = described(original, **changes)
    with pytest.raises(GraftError, match=message):
        load_bundle(sealed(tmp_path / "bundle", original, bundle=content))


@pytest.mark.parametrize("content", [b"", b"[]", b"3", b"\xff\xfe"])
def test_a_description_that_is_none_is_refused(
    tmp_path: Path, original: Path, content: bytes
) -> None:
    with pytest.raises(GraftError, match=r"bundle\.json"):
        load_bundle(sealed(tmp_path / "bundle", original, bundle=content))


def test_a_folder_without_a_bundle_says_where_one_is(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(GraftError, match=f"Is '{folder}' meant"):
        load_bundle(tmp_path)
    with pytest.raises(GraftError, match="There is no folder"):
        load_bundle(tmp_path / "nowhere")


def test_saving_replaces_a_bundle_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    save_bundle(folder, network_bundle())
    assert load_bundle(folder, CPU).probe is None
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/1.jpg").write_bytes(b"precious")
    with pytest.raises(GraftError, match=r"1\.jpg"):
        save_bundle(tmp_path / "photos", network_bundle())
