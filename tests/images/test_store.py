"""The image store joins images, parts and classes, and refuses what does not fit together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from graft.images.decode import DecodedImages
from graft.images.store import ImageStore, build_store

LABELS = ["dog", "cat", "dog", "cat", "cat"]
SPLITS = ["train", "test", "train", "unused", "train"]


def make_decoded(ids: str = "abcde") -> DecodedImages:
    records = pd.DataFrame(
        {"id": list(ids), "label": LABELS, "split": None, "width": 4, "height": 3, "sha256": "0"}
    )
    images = np.arange(5 * 2 * 2 * 3, dtype=np.uint8).reshape(5, 2, 2, 3)
    return DecodedImages(images, records, pd.DataFrame())


def build(**changes: Any) -> ImageStore:
    arguments = {
        "decoded": make_decoded(),
        "splits": pd.Series(SPLITS),
        "class_names": ("cat", "dog"),
        "source": "test",
    }
    return build_store(**{**arguments, **changes})


def test_rows_describe_their_images() -> None:
    store = build()
    assert store.num_classes == 2
    assert store.manifest["class_index"].tolist() == [1, 0, 1, 0, 0]
    assert store.manifest["split"].tolist() == SPLITS
    np.testing.assert_array_equal(store.images, make_decoded().images)


def test_indices_and_labels_of_a_part_belong_together() -> None:
    store = build()
    assert store.indices("train").tolist() == [0, 2, 4]
    assert store.labels("train").tolist() == [1, 1, 0]
    assert store.indices("validation").tolist() == []
    assert store.indices("train").dtype == store.labels("train").dtype == np.int64


def test_class_indices_follow_the_order_of_the_class_names() -> None:
    assert build(class_names=("dog", "cat")).labels("train").tolist() == [0, 0, 1]


def test_parts_are_taken_by_position_whatever_their_index() -> None:
    assert build(splits=pd.Series(SPLITS, index=range(50, 55))).labels("test").tolist() == [0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"decoded": make_decoded("abcda")}, "id occurs twice"),
        ({"splits": pd.Series(SPLITS[:4])}, "4 parts for 5 images"),
        ({"splits": pd.Series(["dev", *SPLITS[1:]])}, "dev"),
        ({"class_names": ("cat",)}, r"\['dog'\]"),
        ({"class_names": ("cat", "dog", "cat")}, "class name occurs twice"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**changes)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((5, 2, 2, 3), np.float32), "float32"),
        (np.zeros((5, 3, 2, 2), np.uint8), r"\(5, 3, 2, 2\)"),
        (np.zeros((5, 2, 2), np.uint8), r"\(5, 2, 2\)"),
        (np.zeros((4, 2, 2, 3), np.uint8), "5 manifest rows for 4 images"),
    ],
)
def test_an_array_of_another_kind_is_refused(images: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ImageStore(images, build().manifest, ("cat", "dog"), "test")


def test_a_manifest_without_its_columns_is_refused() -> None:
    manifest = build().manifest.drop(columns=["sha256"])
    with pytest.raises(ValueError, match="sha256"):
        ImageStore(build().images, manifest, ("cat", "dog"), "test")


def test_an_unknown_part_is_not_an_empty_one() -> None:
    with pytest.raises(ValueError, match="'val' is not a part"):
        build().indices("val")
