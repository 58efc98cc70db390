"""Candidates are ranked by what their features tell of the training and validation images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graft.compute import Compute
from graft.errors import GraftError
from graft.evaluation.figures import backbone_ranking
from graft.images.decode import decode_images
from graft.images.sources import get_source
from graft.images.split import SplitRecipe, assign_splits
from graft.images.store import ImageStore, build_store
from graft.models.weights import load_weights
from graft.probes import backbone_selection
from graft.probes.backbone_selection import Candidate, rank_backbones


@pytest.fixture(scope="module")
def store() -> ImageStore:
    listing = get_source("digits").list_from(None, None, {})
    decoded = decode_images(listing, 16, max_pixels=10**6)
    return build_store(decoded, assign_splits(decoded.records, SplitRecipe(0.2, 0.7), seed=0))


def missing() -> None:
    raise GraftError("there is no file mobilenet.safetensors")


CANDIDATES = [
    Candidate("resnet20_cifar", "none", lambda: None),
    Candidate("mobilenet_v2", "mobilenet.safetensors", missing),
    Candidate("resnet20_cifar", "shipped", lambda: load_weights("resnet20_cifar", "shipped")),
]


def ranked(store: ImageStore, **changes: Any) -> Any:
    options = {"taps": ["pooled"], "images": 400, "folds": 3, "seed": 0}
    return rank_backbones(
        CANDIDATES,
        store,
        dataset_mean=(0.5, 0.5, 0.5),
        dataset_std=(0.25, 0.25, 0.25),
        compute=Compute("cpu", "fp32", 1),
        cache=None,
        **(options | changes),
    )


def test_trained_weights_are_better_than_random_ones_and_missing_ones_stand_last(
    store: ImageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[np.ndarray] = []
    extract = backbone_selection.extract_features

    def watched(*arguments: Any, **options: Any) -> Any:
        features = extract(*arguments, **options)
        seen.append(features.ids)
        return features

    monkeypatch.setattr(backbone_selection, "extract_features", watched)
    table = ranked(store)
    assert table["weights"].tolist() == ["shipped", "none", "mobilenet.safetensors"]
    assert table["rank"].tolist()[:2] == [1, 2]
    assert table["linear_probe"][0] > table["linear_probe"][1]
    assert table["logme"][0] > table["logme"][1]
    assert table["problem"].tolist() == ["", "", "there is no file mobilenet.safetensors"]
    assert table["multiply_accumulates"][0] == table["multiply_accumulates"][1] > 10**6
    assert (table["seconds_per_1000_images"][:2] > 0).all()
    split_of = store.manifest.set_index("id")["split"]
    for ids in seen:  # the same 400 images each time, none of them a test image
        assert len(ids) == 400
        assert set(split_of[ids]) == {"train", "validation"}
        np.testing.assert_array_equal(ids, seen[0])
    assert backbone_ranking(table).axes


def test_where_nothing_can_be_tried_it_says_so(store: ImageStore) -> None:
    table = ranked(store, taps=["stage9"])
    assert table["rank"].isna().all()
    assert all("no tap 'stage9'" in problem for problem in table["problem"][::2])
    assert backbone_ranking(table).axes
