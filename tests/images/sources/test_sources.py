"""The registry of sources."""

from __future__ import annotations

import subprocess
import sys

import pytest

from graft.errors import GraftError
from graft.images.sources import SOURCES, get_source, list_sources


def test_every_source_is_found_by_its_name() -> None:
    assert list_sources() == [
        "cifar10",
        "cifar100",
        "digits",
        "eurosat",
        "fashion_mnist",
        "flowers102",
        "flowers5",
        "folder",
        "food101",
        "inaturalist12k",
        "manifest",
        "mnist",
        "oxford_pets",
        "voc2007",
    ]
    assert all(get_source(name).name == name for name in SOURCES)


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(GraftError, match="did you mean 'digits'"):
        get_source("digit")


def test_the_registry_imports_no_heavy_library() -> None:
    code = "import sys, graft.images.sources; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"torch", "torchvision", "sklearn", "pandas", "kedro"} & set(result.stdout.split())
