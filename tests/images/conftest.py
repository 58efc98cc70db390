"""Image folders for the tests, made anew for each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from graft.errors import GraftError
from graft.images import download as download_module
from graft.images.download import RemoteFile

from .image_files import write_classes

SHARED = Path(__file__).parents[3] / "shared" / "data"
CIFAR10_VARIABLE = "GRAFT_TEST_CIFAR10"
MNIST_VARIABLE = "GRAFT_TEST_MNIST"


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every download fails, as it does without a network."""

    def refuse(remote: RemoteFile, *args: Any) -> None:
        raise GraftError(f"'{remote.url}' could not be downloaded: no network.")

    monkeypatch.setattr(download_module, "download", refuse)


@pytest.fixture
def class_folder(tmp_path: Path) -> Path:
    """Two classes (cat, dog), four images each, PNG and JPEG, 32 x 24."""
    return write_classes(tmp_path / "pets")


@pytest.fixture
def split_folder(tmp_path: Path) -> Path:
    """The parts train, val and test with 4, 2 and 3 images of each of two classes."""
    for part, count in (("train", 4), ("val", 2), ("test", 3)):
        write_classes(tmp_path / "pets" / part, count=count)
    return tmp_path / "pets"


@pytest.fixture(scope="session")
def cifar10_files() -> Path:
    """The whole CIFAR-10 as image files in class folders, or a zip of them."""
    return _real_data(
        CIFAR10_VARIABLE,
        "cifar10-png.zip",
        "a folder or zip of CIFAR-10 as train/<class>/*.png and test/<class>/*.png",
    )


@pytest.fixture(scope="session")
def mnist_files() -> Path:
    """The whole MNIST as its four idx files."""
    return _real_data(MNIST_VARIABLE, "mnist", "a folder of MNIST's four idx files, gzipped or not")


def _real_data(variable: str, name: str, what: str) -> Path:
    """Where a variable says, or in the folder `shared/data` beside the repository."""
    place = Path(os.environ.get(variable, SHARED / name))
    if not place.exists():
        pytest.skip(f"set {variable} to {what}, or put it at ../shared/data/{name}")
    return place
