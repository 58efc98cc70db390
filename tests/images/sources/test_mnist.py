"""The real MNIST, where it lies; `test_idx.py` has the stand-ins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graft.images.card import dataset_card
from graft.images.sources.mnist import MNIST

from ..ingestion import ingest


@pytest.mark.slow
def test_the_whole_of_mnist_has_the_published_statistics(mnist_files: Path) -> None:
    store = ingest("mnist", mnist_files, size=28)
    assert dataset_card(store)["splits"] == {
        "train": 48_000,
        "validation": 12_000,
        "test": 10_000,
        "unused": 0,
    }
    assert np.bincount(store.labels("test")).tolist() == list(MNIST.images_per_class["test"])
    pixels = store.images[(store.manifest["split"] != "test").to_numpy(), :, :, 0] / 255
    assert pixels.mean() == pytest.approx(0.1307, abs=5e-5)
    assert pixels.std() == pytest.approx(0.3081, abs=5e-5)
