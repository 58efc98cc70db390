"""MNIST and Fashion-MNIST from idx files: small stand-ins, and the real MNIST where it lies."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from graft.errors import GraftError
from graft.images.card import dataset_card
from graft.images.sources import fashion_mnist, idx, mnist
from graft.images.sources.idx import FILES, read_idx

from ..image_files import as_published
from ..ingestion import ingest

PER_CLASS = {"train": (5, 4, 3, 3, 3, 3, 3, 3, 3, 3), "test": (2,) * 10}


def write_idx(path: Path, array: np.ndarray) -> None:
    head = struct.pack(f">I{array.ndim}I", 0x800 + array.ndim, *array.shape)
    content = head + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def labels_of(part: str) -> np.ndarray:
    labels = np.repeat(np.arange(10), PER_CLASS[part])
    return np.random.default_rng(len(labels)).permutation(labels)


def images_of(part: str) -> np.ndarray:
    labels = labels_of(part)
    return np.random.default_rng(1).integers(0, 256, (len(labels), 28, 28)).astype(np.uint8)


def write_files(folder: Path, suffix: str = ".gz") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for part, (images_file, labels_file) in FILES.items():
        write_idx(folder / f"{images_file}{suffix}", images_of(part))
        write_idx(folder / f"{labels_file}{suffix}", labels_of(part))
    return folder


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the stand-ins count as the published files."""
    for module, name in ((mnist, "MNIST"), (fashion_mnist, "FASHION_MNIST")):
        collection = replace(getattr(module, name), images_per_class=PER_CLASS)
        monkeypatch.setattr(module, name, collection)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("inside", ["", "raw", "MNIST/raw"])
def test_the_four_files_are_found_packed_or_not(tmp_path: Path, suffix: str, inside: str) -> None:
    write_files(tmp_path / inside, suffix)
    listing = mnist.list_images(tmp_path, tmp_path / "downloads")
    assert listing.class_names == tuple("0123456789")
    assert listing.records["split"].value_counts().to_dict() == {"train": 33, "test": 20}
    records = listing.records.set_index("id")
    assert records.loc["test/00007", "label"] == str(labels_of("test")[7])
    np.testing.assert_array_equal(listing.read("test/00007"), images_of("test")[7])


def test_files_that_a_browser_has_unpacked_under_their_old_name_are_read(tmp_path: Path) -> None:
    write_files(tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(gzip.decompress(path.read_bytes()))
    assert len(mnist.list_images(tmp_path, tmp_path).records) == 53


def test_fashion_has_its_own_names(tmp_path: Path) -> None:
    from torchvision.datasets import FashionMNIST

    assert list(fashion_mnist.CLASS_NAMES) == FashionMNIST.classes
    listing = fashion_mnist.list_images(write_files(tmp_path / "FashionMNIST" / "raw"), tmp_path)
    assert listing.name == "fashion_mnist"
    assert listing.records["label"][0] == fashion_mnist.CLASS_NAMES[labels_of("train")[0]]


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_parts_reach_the_store(tmp_path: Path, name: str) -> None:
    card = dataset_card(ingest(name, write_files(tmp_path)))
    assert card["splits"] == {"train": 23, "validation": 10, "test": 20, "unused": 0}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    write_files(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(GraftError, match=r"lacks t10k-labels-idx1-ubyte\. source\.folder has to"):
        mnist.list_images(tmp_path, tmp_path)


def test_labels_of_another_collection_are_refused(tmp_path: Path) -> None:
    """MNIST and Fashion-MNIST have files of the same names and sizes."""
    write_files(tmp_path)
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", labels_of("train")[::-1] * 0)
    with pytest.raises(GraftError, match="is not MNIST: the train part has 33 images"):
        mnist.list_images(tmp_path, tmp_path)


def tear(content: bytes) -> bytes:
    return content[:-100]


def grow(content: bytes) -> bytes:
    return content + b"\0"


def repack(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda content: gzip.compress(change(gzip.decompress(content)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (tear, "is damaged"),
        (repack(tear), "not the 25872 bytes"),
        (repack(grow), "not the 25872 bytes"),
        (lambda content: b"", "no idx file"),
        (lambda content: b"<html>", "damaged|no idx file"),
        (lambda content: gzip.compress(struct.pack(">4I", 0x803, *[2**30] * 3)), "more than"),
        (lambda content: gzip.compress(struct.pack(">4I", 0x801, 1, 1, 1)), "no idx file"),
    ],
)
def test_torn_and_wrong_files_are_named(
    tmp_path: Path, change: Callable[[bytes], bytes], message: str
) -> None:
    file = write_files(tmp_path) / "train-images-idx3-ubyte.gz"
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(GraftError, match=message) as caught:
        mnist.list_images(tmp_path, tmp_path)
    assert file.name in str(caught.value)


def test_other_types_of_idx_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "floats"
    path.write_bytes(struct.pack(">2I", 0xD01, 1) + bytes(4))
    with pytest.raises(GraftError, match="no idx file of 1 dimensions"):
        read_idx(path, 1)


@pytest.mark.usefixtures("no_network")
def test_without_a_network_the_error_says_what_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(GraftError) as caught:
        fashion_mnist.list_images(None, tmp_path)
    assert f"put it into '{tmp_path / 'fashion_mnist'}'" in str(caught.value)
    assert idx.LAYOUT in str(caught.value)


@pytest.mark.usefixtures("no_network")
def test_what_lies_in_the_download_folder_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = sorted(write_files(tmp_path / "mnist").iterdir())
    archives = tuple(as_published(file) for file in files)
    monkeypatch.setattr(mnist, "MNIST", replace(mnist.MNIST, archives=archives))
    assert len(mnist.list_images(None, tmp_path).records) == 53
    write_idx(files[0], np.zeros((1, 28, 28)))
    with pytest.raises(GraftError, match="another content"):
        mnist.list_images(None, tmp_path)
