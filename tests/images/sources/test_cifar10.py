"""CIFAR-10 from image files, from the original batches (small stand-ins), and not at all."""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graft.errors import GraftError
from graft.images.card import dataset_card
from graft.images.decode import check_audit, decode_images
from graft.images.sources.cifar10 import CIFAR10, CLASS_NAMES, list_images
from graft.images.split import SplitRecipe, assign_splits
from graft.images.store import build_store

from ..image_files import without_state, write_classes, zip_folder


@pytest.fixture
def batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The original layout with four images a batch, which torchvision's checksums are told of."""
    from torchvision import datasets

    root = tmp_path / "copy"
    folder = root / CIFAR10.folder
    folder.mkdir(parents=True)

    def write(name: str, content: Any) -> str:
        (folder / name).write_bytes(pickle.dumps(content))
        return hashlib.md5((folder / name).read_bytes(), usedforsecurity=False).hexdigest()

    sums = []
    for number, name in enumerate(CIFAR10.files[:-1]):
        data = np.random.default_rng(number).integers(0, 256, (4, 3072)).astype(np.uint8)
        sums.append([name, write(name, {"data": data, "labels": [number, 9, 1, 6]})])
    meta = write("batches.meta", {"label_names": list(CLASS_NAMES)})
    monkeypatch.setattr(datasets.CIFAR10, "train_list", sums[:5])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", sums[5:])
    monkeypatch.setattr(datasets.CIFAR10, "meta", {**datasets.CIFAR10.meta, "md5": meta})
    return root


def pack(batches: Path, archive: Path) -> None:
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(batches / CIFAR10.folder, CIFAR10.folder)


def check_batches(listing: Any) -> None:
    assert listing.class_names == CLASS_NAMES
    assert listing.records["split"].value_counts().to_dict() == {"train": 20, "test": 4}
    records = listing.records.set_index("id")
    assert records.loc["train/00000", "label"] == "airplane"
    assert records.loc["test/00003", "label"] == "frog"
    planes = np.random.default_rng(5).integers(0, 256, (4, 3, 32, 32)).astype(np.uint8)
    np.testing.assert_array_equal(listing.read("test/00003"), planes[3].transpose(1, 2, 0))


@pytest.mark.parametrize("inside", ["", CIFAR10.folder])
def test_the_original_batches_are_read(batches: Path, tmp_path: Path, inside: str) -> None:
    check_batches(list_images(batches / inside, tmp_path))


def test_a_changed_batch_is_not_unpickled(batches: Path, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "executed",))

    (batches / CIFAR10.folder / "data_batch_2").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(GraftError, match="differs from the published"):
        list_images(batches, tmp_path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.usefixtures("no_network")
def test_without_a_network_the_error_says_what_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(GraftError) as caught:
        list_images(None, tmp_path / "downloads")
    assert str(tmp_path / "downloads") in str(caught.value)
    assert "source.folder" in str(caught.value)


@pytest.mark.usefixtures("no_network")
def test_an_archive_put_there_by_hand_is_unpacked(batches: Path, tmp_path: Path) -> None:
    pack(batches, tmp_path / "cifar-10-python.tar.gz")
    check_batches(list_images(None, tmp_path))
    (tmp_path / "cifar-10-python.tar.gz").unlink()
    check_batches(list_images(None, tmp_path))


@pytest.mark.usefixtures("no_network")
def test_a_damaged_archive_is_named(batches: Path, tmp_path: Path) -> None:
    archive = tmp_path / "cifar-10-python.tar.gz"
    pack(batches, archive)
    archive.write_bytes(archive.read_bytes()[:5000])
    with pytest.raises(GraftError, match="is damaged"):
        list_images(None, tmp_path)


@pytest.mark.usefixtures("no_network")
def test_a_malicious_archive_writes_nothing_outside(tmp_path: Path) -> None:
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    with tarfile.open(downloads / "cifar-10-python.tar.gz", "w:gz") as tar:
        for name in ("../outside", f"{CIFAR10.folder}/../../outside"):
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
        link = tarfile.TarInfo(f"{CIFAR10.folder}/data_batch_1")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
    with pytest.raises(GraftError, match="is damaged"):
        list_images(None, downloads)
    assert not (tmp_path / "outside").exists()
    assert not list((downloads / CIFAR10.folder).iterdir())


def test_image_files_keep_the_canonical_order_of_classes(tmp_path: Path) -> None:
    for part in ("train", "test"):
        write_classes(tmp_path / "png" / part, CLASS_NAMES[::-1], count=1)
    listing = list_images(tmp_path / "png", tmp_path)
    assert listing.name == "cifar10"
    assert listing.class_names == CLASS_NAMES
    zipped = list_images(zip_folder(tmp_path / "png", tmp_path / "c.zip"), tmp_path)
    assert without_state(zipped).equals(without_state(listing))


def test_other_images_are_not_taken_for_cifar10(split_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(GraftError, match="is not CIFAR-10"):
        list_images(split_folder, tmp_path)


def test_image_files_without_a_test_part_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GraftError, match="lacks CIFAR-10's test part"):
        list_images(write_classes(tmp_path / "png", CLASS_NAMES, count=1), tmp_path)


@pytest.mark.slow
def test_the_whole_of_cifar10_has_the_published_statistics(
    cifar10_files: Path, tmp_path: Path
) -> None:
    listing = list_images(cifar10_files, tmp_path)
    decoded = decode_images(listing, 32, max_pixels=10**6)
    check_audit(decoded, max_quarantined_share=0.0, min_images_per_class=6000)
    splits = assign_splits(decoded.records, SplitRecipe(validation=0.0), seed=0)
    card = dataset_card(build_store(decoded, splits))
    assert card["splits"] == {"train": 50_000, "validation": 0, "test": 10_000, "unused": 0}
    assert set(card["images_per_class"]["test"].values()) == {1000}
    assert card["channel_mean"] == pytest.approx([0.4914, 0.4822, 0.4465], abs=5e-5)
    assert card["channel_std"] == pytest.approx([0.2470, 0.2435, 0.2616], abs=5e-5)
