"""Dropping duplicates and keeping them on one side: what is kept, and what stays guaranteed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.errors import GraftError
from graft.images.decode import DecodedImages
from graft.images.deduplicate import assign_grouped_splits, drop_duplicates
from graft.images.split import SplitRecipe, assign_splits

DEFAULTS = {"validation": 0.15, "test": 0.2}


def make_records(per_class: int = 40, split: str | None = None) -> pd.DataFrame:
    prefix = f"{split}/" if split else ""
    rows = [(f"{prefix}{c}/{n:02}", c, split) for c in ("cat", "dog") for n in range(per_class)]
    return pd.DataFrame(rows, columns=["id", "label", "split"], dtype=object)


def make_pairs(*groups: tuple[str, ...], kind: str = "near") -> pd.DataFrame:
    """Each group as pairs of its first image with the others."""
    rows = [
        (number, *sorted((members[0], other)), kind)
        for number, members in enumerate(groups)
        for other in members[1:]
    ]
    return pd.DataFrame(rows, columns=["group", "id_a", "id_b", "kind"])


def decoded_from(records: pd.DataFrame) -> DecodedImages:
    images = np.arange(len(records), dtype=np.uint8)[:, None, None, None] * np.ones(
        (1, 8, 8, 3), np.uint8
    )
    quarantine = pd.DataFrame(columns=["id", "label", "reason", "sha256"])
    table = records.assign(width=8, height=8, sha256="0")
    return DecodedImages(images, table, quarantine, ("cat", "dog"), "test")


# --- Drop -----------------------------------------------------------------------------------------


def test_the_first_of_each_group_is_kept_with_its_own_pixels() -> None:
    decoded = decoded_from(make_records(5))
    pairs = make_pairs(("cat/01", "cat/03", "cat/00"), ("dog/02", "dog/04"))
    kept, dropped = drop_duplicates(decoded, pairs)
    expected = ["cat/00", "cat/02", "cat/04", "dog/00", "dog/01", "dog/02", "dog/03"]
    assert kept.records["id"].tolist() == expected
    assert kept.images[:][:, 0, 0, 0].tolist() == [0, 2, 4, 5, 6, 7, 8]
    assert dict(zip(dropped["id"], dropped["reason"], strict=True)) == {
        "cat/01": "nearly a copy of 'cat/00'",
        "cat/03": "nearly a copy of 'cat/00'",
        "dog/04": "nearly a copy of 'dog/02'",
    }
    assert dropped.columns.tolist() == decoded.quarantine.columns.tolist()
    assert len(decoded.records) == len(decoded.images) == 10


def test_exact_copies_are_called_so() -> None:
    pairs = make_pairs(("cat/01", "cat/03"), kind="exact")
    _, dropped = drop_duplicates(decoded_from(make_records(5)), pairs)
    assert dropped["reason"].tolist() == ["the same picture as 'cat/01'"]


def test_given_test_images_are_kept_before_validation_and_training_images() -> None:
    records = pd.concat([make_records(3, part) for part in ("train", "validation", "test")])
    pairs = make_pairs(
        ("train/cat/00", "validation/cat/00", "test/cat/01", "test/cat/02"),
        ("train/dog/00", "validation/dog/02"),
    )
    kept, dropped = drop_duplicates(decoded_from(records.reset_index(drop=True)), pairs)
    assert set(dropped["id"]) == {
        "train/cat/00",
        "validation/cat/00",
        "test/cat/02",
        "train/dog/00",
    }
    assert "validation/dog/02" in set(kept.records["id"])


def test_a_class_that_would_vanish_is_named() -> None:
    pairs = make_pairs(("cat/00", "dog/00"), ("cat/01", "dog/01"))
    with pytest.raises(GraftError, match="no image of the class 'dog'"):
        drop_duplicates(decoded_from(make_records(2)), pairs)


def test_of_several_labels_each_class_has_to_be_left() -> None:
    records = make_records(2).assign(label=["cat|dog", "cat", "dog|fox", "dog"])
    decoded = replace(decoded_from(records), multi_label=True)
    kept, _ = drop_duplicates(decoded, make_pairs(("cat/00", "cat/01")))
    assert kept.records["label"].tolist() == ["cat|dog", "dog|fox", "dog"]
    with pytest.raises(GraftError, match="no image of the class 'fox'"):
        drop_duplicates(decoded, make_pairs(("cat/00", "dog/00")))


def test_without_duplicates_nothing_is_copied() -> None:
    decoded = decoded_from(make_records(3))
    kept, dropped = drop_duplicates(decoded, make_pairs())
    assert kept is decoded
    assert dropped.empty


# --- Group ----------------------------------------------------------------------------------------

RECORDS = make_records()
GROUPS = [
    ("cat/00", "cat/01", "cat/02"),
    ("cat/10", "dog/10"),  # with differing labels
    ("dog/20", "dog/21"),
    ("dog/30", "dog/31", "dog/32", "dog/33"),
]
PAIRS = make_pairs(*GROUPS)
seeds = st.integers(0, 2**32)


def assign(
    records: pd.DataFrame = RECORDS, pairs: pd.DataFrame = PAIRS, seed: int = 0, **changes: Any
) -> dict[str, str]:
    """From id to part."""
    parts = assign_grouped_splits(records, pairs, SplitRecipe(**{**DEFAULTS, **changes}), seed)
    assert parts.index.equals(records.index)
    return dict(zip(records["id"], parts, strict=True))


def chosen(parts: dict[str, str], part: str) -> set[str]:
    return {image for image, found in parts.items() if found == part}


@settings(max_examples=40, deadline=None)
@given(seed=seeds, shots=st.none() | st.integers(1, 10))
def test_no_group_is_on_two_sides(seed: int, shots: int | None) -> None:
    parts = assign(seed=seed, shots=shots)
    for members in GROUPS:
        assert len({parts[image] for image in members} - {"unused"}) <= 1


@settings(max_examples=40, deadline=None)
@given(seed=seeds, validation=st.sampled_from([0.0, 0.3]), shots=st.integers(1, 10))
def test_the_test_part_still_depends_on_nothing_but_its_share_and_the_seed(
    seed: int, validation: float, shots: int
) -> None:
    test = chosen(assign(seed=seed), "test")
    assert chosen(assign(seed=seed, validation=validation), "test") == test
    assert chosen(assign(seed=seed, shots=shots), "test") == test
    assert chosen(assign(seed=seed, train_size=2 * shots), "test") == test


@settings(max_examples=30, deadline=None)
@given(seed=seeds, fewer=st.integers(1, 9))
def test_few_shot_sets_are_still_exact_and_nested(seed: int, fewer: int) -> None:
    small = chosen(assign(seed=seed, shots=fewer), "train")
    large = chosen(assign(seed=seed, shots=fewer + 1), "train")
    assert small < large
    assert sum("cat" in image for image in small) == fewer
    assert len(small) == 2 * fewer


@settings(max_examples=20, deadline=None)
@given(seed=seeds, order=st.randoms(use_true_random=False))
def test_the_order_of_the_records_still_does_not_matter(seed: int, order: Any) -> None:
    positions = list(range(len(RECORDS)))
    order.shuffle(positions)
    assert assign(RECORDS.iloc[positions], seed=seed) == assign(seed=seed)


def test_all_images_are_used_where_no_number_is_asked_for() -> None:
    assert not chosen(assign(), "unused")


def test_without_duplicates_the_split_is_the_usual_one() -> None:
    usual = assign_splits(RECORDS, SplitRecipe(**DEFAULTS), 0)
    assert assign(pairs=make_pairs()) == dict(zip(RECORDS["id"], usual, strict=True))


def test_given_test_images_make_their_copies_unused() -> None:
    records = pd.concat(
        [make_records(20, part) for part in ("train", "validation", "test")], ignore_index=True
    )
    pairs = make_pairs(
        ("train/cat/00", "validation/cat/00", "test/cat/00"),
        ("train/dog/01", "train/dog/02", "validation/dog/01"),
        ("train/dog/05", "train/dog/06"),
    )
    parts = assign(records, pairs)
    assert chosen(parts, "unused") == {
        "train/cat/00",
        "validation/cat/00",
        "train/dog/01",
        "train/dog/02",
    }
    assert all(image.startswith(p) for p in ("test", "train") for image in chosen(parts, p))


def test_validation_is_drawn_without_copies_of_given_test_images() -> None:
    records = pd.concat([make_records(20, part) for part in ("train", "test")], ignore_index=True)
    pairs = make_pairs(("train/cat/00", "test/cat/00"), ("train/dog/05", "train/dog/06"))
    for seed in range(10):
        parts = assign(records, pairs, seed=seed)
        assert chosen(parts, "unused") == {"train/cat/00"}
        assert parts["train/dog/05"] == parts["train/dog/06"]
        assert len(chosen(parts, "test")) == 40
