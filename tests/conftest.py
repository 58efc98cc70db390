"""A small learnable problem for many tests: three classes of coloured noise."""

import sys

import numpy as np
import pandas as pd
import pytest

from graft.compute import Compute
from graft.images.store import ImageStore

CLASSES = ("red", "green", "blue")


def make_store() -> ImageStore:
    """48 training, 12 validation and 12 test images of 8 pixels, class after class in turn."""
    rng = np.random.default_rng(0)
    splits = ["train"] * 48 + ["validation"] * 12 + ["test"] * 12
    labels = np.arange(len(splits)) % 3
    images = rng.integers(0, 160, (len(splits), 8, 8, 3), dtype=np.uint8)
    images[np.arange(len(splits)), :, :, labels] += 60
    manifest = pd.DataFrame(
        {
            "id": [f"image {i}" for i in range(len(splits))],
            "label": [CLASSES[label] for label in labels],
            "split": splits,
            "width": 8,
            "height": 8,
            "sha256": [f"{i:064x}" for i in range(len(splits))],
        }
    )
    return ImageStore(images=images, manifest=manifest, class_names=CLASSES, source="noise")


@pytest.fixture(autouse=True)
def _numbers_as_usual():
    """Whatever an earlier test computed with: `resolve_compute` rounds tiny numbers to zero."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@pytest.fixture
def store() -> ImageStore:
    return make_store()


@pytest.fixture
def cpu():
    """One thread of the CPU, in full precision."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield Compute("cpu", "fp32", 1)
    torch.set_num_threads(before)
