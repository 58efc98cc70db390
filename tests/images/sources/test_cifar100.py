"""CIFAR-100 from the original batches (small stand-ins) and from image files."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graft.errors import GraftError
from graft.images.card import dataset_card
from graft.images.sources.cifar100 import CIFAR100, CLASS_NAMES, list_images

from ..image_files import tar_folders, write_classes
from ..ingestion import ingest


@pytest.fixture
def batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The original layout with five training and two test images of classes 0 and 99."""
    from torchvision import datasets

    folder = tmp_path / "copy" / CIFAR100.folder
    folder.mkdir(parents=True)

    def write(name: str, content: Any) -> list[str]:
        (folder / name).write_bytes(pickle.dumps(content))
        md5 = hashlib.md5((folder / name).read_bytes(), usedforsecurity=False).hexdigest()
        return [name, md5]

    def make_batch(fine: list[int]) -> dict[str, Any]:
        data = np.random.default_rng(len(fine)).integers(0, 256, (len(fine), 3072)).astype(np.uint8)
        return {"data": data, "fine_labels": fine, "coarse_labels": [7] * len(fine)}

    train = write("train", make_batch([0, 99, 0, 99, 0]))
    test = write("test", make_batch([99, 0]))
    meta = write("meta", {"fine_label_names": list(CLASS_NAMES)})
    monkeypatch.setattr(datasets.CIFAR100, "train_list", [train])
    monkeypatch.setattr(datasets.CIFAR100, "test_list", [test])
    monkeypatch.setattr(datasets.CIFAR100, "meta", {**datasets.CIFAR100.meta, "md5": meta[1]})
    return tmp_path / "copy"


def test_there_are_a_hundred_classes_in_the_order_of_the_alphabet() -> None:
    assert len(set(CLASS_NAMES)) == 100
    assert list(CLASS_NAMES) == sorted(CLASS_NAMES)


@pytest.mark.parametrize("inside", ["", CIFAR100.folder])
def test_the_fine_labels_of_the_original_batches_are_read(batches: Path, inside: str) -> None:
    listing = list_images(batches / inside, Path("not-used"))
    records = listing.records.set_index("id")
    assert records["label"].tolist() == ["apple", "worm", "apple", "worm", "apple", "worm", "apple"]
    assert records["split"].value_counts().to_dict() == {"train": 5, "test": 2}
    planes = np.random.default_rng(2).integers(0, 256, (2, 3, 32, 32)).astype(np.uint8)
    np.testing.assert_array_equal(listing.read("test/00001"), planes[1].transpose(1, 2, 0))


def test_the_parts_reach_the_store(batches: Path) -> None:
    store = ingest("cifar100", batches)
    assert dataset_card(store)["splits"] == {"train": 3, "validation": 2, "test": 2, "unused": 0}
    assert store.num_classes == 100


@pytest.mark.parametrize("name", CIFAR100.files)
def test_a_changed_file_is_not_unpickled(batches: Path, tmp_path: Path, name: str) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "executed",))

    (batches / CIFAR100.folder / name).write_bytes(pickle.dumps(Evil()))
    with pytest.raises(GraftError, match="differs from the published CIFAR-100"):
        list_images(batches, tmp_path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.usefixtures("no_network")
def test_an_archive_put_there_by_hand_is_unpacked(batches: Path, tmp_path: Path) -> None:
    tar_folders(tmp_path / "downloads" / CIFAR100.archive.name, batches / CIFAR100.folder)
    assert len(list_images(None, tmp_path / "downloads").records) == 7


@pytest.mark.usefixtures("no_network")
def test_without_a_network_the_error_says_what_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(GraftError, match=r"put it into .* or set source\.folder to .* CIFAR-100"):
        list_images(None, tmp_path)


def test_image_files_of_other_classes_are_refused(tmp_path: Path) -> None:
    for part in ("train", "test"):
        write_classes(tmp_path / part, ("apple", "worm"), count=1)
    with pytest.raises(GraftError, match=r"apple, worm instead of apple, .* … \(100 in all\)"):
        list_images(tmp_path, tmp_path)
