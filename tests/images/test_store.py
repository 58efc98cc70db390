"""The image store joins images, parts and classes, and refuses what does not fit together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from graft.images.decode import DecodedImages
from graft.images.store import ImageStore, build_store, sample_per_class

LABELS = ["dog", "cat", "dog", "cat", "cat"]
SPLITS = ["train", "test", "train", "unused", "train"]


def make_decoded(
    ids: str = "abcde", class_names: tuple[str, ...] = ("cat", "dog")
) -> DecodedImages:
    records = pd.DataFrame(
        {"id": list(ids), "label": LABELS, "split": None, "width": 4, "height": 3, "sha256": "0"}
    )
    images = np.arange(5 * 2 * 2 * 3, dtype=np.uint8).reshape(5, 2, 2, 3)
    return DecodedImages(images, records, pd.DataFrame(), class_names, "test")


def build(**changes: Any) -> ImageStore:
    arguments = {
        "decoded": make_decoded(),
        "splits": pd.Series(SPLITS),
    }
    return build_store(**{**arguments, **changes})


def test_rows_describe_their_images() -> None:
    store = build()
    assert store.num_classes == 2
    assert store.manifest["label"].tolist() == LABELS
    assert store.targets.tolist() == [1, 0, 1, 0, 0]
    assert store.manifest["split"].tolist() == SPLITS
    np.testing.assert_array_equal(store.images, make_decoded().images)


def test_indices_and_labels_of_a_part_belong_together() -> None:
    store = build()
    assert store.indices("train").tolist() == [0, 2, 4]
    assert store.labels("train").tolist() == [1, 1, 0]
    assert store.indices("validation").tolist() == []
    assert store.indices("train").dtype == store.labels("train").dtype == np.int64


def test_class_indices_follow_the_order_of_the_class_names() -> None:
    decoded = make_decoded(class_names=("dog", "cat"))
    assert build(decoded=decoded).labels("train").tolist() == [0, 0, 1]


def test_parts_are_taken_by_position_whatever_their_index() -> None:
    assert build(splits=pd.Series(SPLITS, index=range(50, 55))).labels("test").tolist() == [0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"decoded": make_decoded("abcda")}, "id occurs twice"),
        ({"splits": pd.Series(SPLITS[:4])}, "4 parts for 5 images"),
        ({"splits": pd.Series(["dev", *SPLITS[1:]])}, "dev"),
        ({"decoded": make_decoded(class_names=("cat", "dog", "cat"))}, "class name occurs twice"),
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


def make_uneven_store() -> ImageStore:
    """12 cats, 3 dogs and 1 bird for training, in a mixed order, and some for testing."""
    names = ("cat", "dog", "bird")
    labels = np.random.default_rng(0).permutation(["cat"] * 12 + ["dog"] * 3 + ["bird"])
    manifest = pd.DataFrame({"label": [*labels, *names], "split": ["train"] * 16 + ["test"] * 3})
    manifest = manifest.assign(id=range(19), width=1, height=1, sha256="")
    return ImageStore(np.zeros((19, 1, 1, 3), np.uint8), manifest, names, "test")


def test_a_sample_has_as_many_of_each_class_as_there_are() -> None:
    store = make_uneven_store()
    rows = sample_per_class(store, "train", at_most=7, seed=0)
    assert store.targets[rows].tolist() == [0, 0, 1, 1, 2]
    assert len(set(rows)) == 5
    assert set(rows) <= set(store.indices("train"))


def test_a_sample_is_drawn_by_its_seed() -> None:
    store = make_uneven_store()
    draws = [sample_per_class(store, "train", at_most=6, seed=seed).tolist() for seed in range(9)]
    assert draws[0] == sample_per_class(store, "train", at_most=6, seed=0).tolist()
    assert len({tuple(draw) for draw in draws}) > 1


def test_a_sample_is_no_larger_than_asked_for_or_than_its_part() -> None:
    store = make_uneven_store()
    assert len(sample_per_class(store, "train", at_most=2, seed=0)) == 2
    assert sample_per_class(store, "test", at_most=9, seed=0).tolist() == [16, 17, 18]
    assert sample_per_class(store, "validation", at_most=9, seed=0).tolist() == []


# --- Several labels an image ----------------------------------------------------------------------


def make_multi_label_store(**columns: Any) -> ImageStore:
    decoded = make_decoded()
    labels = ["cat|dog", "", "dog", "cat", "dog"]
    records = decoded.records.assign(label=labels, **columns)
    return build(decoded=replace(decoded, records=records, multi_label=True))


def test_several_labels_are_a_row_of_ones_and_zeros() -> None:
    store = make_multi_label_store()
    assert store.targets.dtype == np.int8
    assert store.targets.tolist() == [[1, 1], [0, 0], [0, 1], [1, 0], [0, 1]]
    assert store.labels("train").tolist() == [[1, 1], [0, 1], [0, 1]]


def test_what_is_not_counted_is_neither_one_nor_zero() -> None:
    store = make_multi_label_store(ignored=["", "dog", "", "", "cat"])
    assert store.targets.tolist() == [[1, 1], [0, -1], [0, 1], [1, 0], [-1, 1]]


def test_a_sample_has_images_of_every_class_and_none_twice() -> None:
    store = make_multi_label_store()
    rows = sample_per_class(store, "train", at_most=3, seed=0)
    assert set(rows) <= set(store.indices("train"))
    assert len(set(rows)) == len(rows)
    assert (store.targets[rows] == 1).any(axis=0).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"id": list("abcdf")},
        {"sha256": "1"},
        {"label": ["cat", *LABELS[1:]]},
        {"split": ["unused", *SPLITS[1:]]},
        {"ignored": ["cat", "", "", "", ""]},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_the_digest_tells_of_images_labels_and_parts(changes: dict[str, Any]) -> None:
    store = make_multi_label_store()
    changed = replace(store, manifest=store.manifest.assign(**changes))
    assert changed.digest != store.digest
    same = replace(store, manifest=store.manifest.assign(width=9))
    assert same.digest == store.digest


def test_the_digest_tells_of_the_order_of_the_classes() -> None:
    store = make_multi_label_store()
    assert replace(store, class_names=store.class_names[::-1]).digest != store.digest
