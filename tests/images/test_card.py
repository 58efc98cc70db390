"""The dataset card: exact statistics of the training part, in plain JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graft.images import card as module
from graft.images.card import channel_statistics, dataset_card
from graft.images.store import ImageStore


def make_store(images: np.ndarray, splits: list[str]) -> ImageStore:
    labels = ["cat" if position % 3 else "dog" for position in range(len(images))]
    manifest = pd.DataFrame(
        {
            "id": [str(position) for position in range(len(images))],
            "label": labels,
            "class_index": [int(label == "dog") for label in labels],
            "split": splits,
            "width": range(10, 10 + len(images)),
            "height": 7,
            "sha256": "0",
        }
    )
    return ImageStore(images, manifest, ("cat", "dog"), "test")


@pytest.fixture
def images() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.random((12, 5, 4, 3)) ** [1, 2, 3] * 256).astype(np.uint8)


def test_statistics_are_of_all_training_pixels_and_of_no_other(images: np.ndarray) -> None:
    splits = ["train"] * 7 + ["validation", "test", "test", "unused", "unused"]
    card = dataset_card(make_store(images, splits))
    training = images[:7].astype(np.float64) / 255
    np.testing.assert_allclose(card["channel_mean"], training.mean((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(card["channel_std"], training.std((0, 1, 2)), rtol=1e-12)


def test_the_deviation_is_not_the_mean_of_deviations_of_single_images() -> None:
    """One report normalised with that mean: 0.20 for CIFAR-10 instead of 0.25."""
    flat = np.repeat(np.array([0, 255], np.uint8), 48).reshape(2, 4, 4, 3)
    assert channel_statistics(flat, np.arange(2))[1] == pytest.approx([0.5, 0.5, 0.5])


def test_chunks_of_a_memory_mapped_array_give_the_same(
    images: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    whole = channel_statistics(images, np.arange(1, 12))
    monkeypatch.setattr(module, "CHUNK_BYTES", 130)  # two images
    assert channel_statistics(mapped, np.arange(1, 12)) == whole


def test_counts_and_sizes(images: np.ndarray) -> None:
    splits = ["train"] * 7 + ["validation", "test", "test", "unused", "unused"]
    card = dataset_card(make_store(images, splits))
    assert card["images"] == 12
    assert card["image_size"] == [5, 4]
    assert card["classes"] == ["cat", "dog"]
    assert card["splits"] == {"train": 7, "validation": 1, "test": 2, "unused": 2}
    assert card["images_per_class"]["train"] == {"cat": 4, "dog": 3}
    assert card["images_per_class"]["validation"] == {"cat": 1, "dog": 0}
    assert card["imbalance_ratio"] == pytest.approx(4 / 3)
    assert card["original_size"]["width"] == {"min": 10, "median": 15.5, "max": 21}
    assert card["original_size"]["height"] == {"min": 7, "median": 7.0, "max": 7}


def test_the_card_is_plain_json(images: np.ndarray) -> None:
    card = dataset_card(make_store(images, ["train"] * 12))
    assert json.loads(json.dumps(card, allow_nan=False)) == card


def test_a_store_without_training_images_has_no_statistics(images: np.ndarray) -> None:
    card = dataset_card(make_store(images, ["test"] * 12))
    assert card["channel_mean"] is None
    assert card["channel_std"] is None
    assert card["imbalance_ratio"] is None
