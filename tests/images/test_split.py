"""The parts are exact, stratified, seeded, nested, and independent of what must not matter."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.errors import GraftError
from graft.images.split import SplitRecipe, apportion, assign_splits


def make_records(counts: dict[str, int], split: str | None = None) -> pd.DataFrame:
    prefix = f"{split}/" if split else ""
    rows = [(f"{prefix}{label}/{n}", label, split) for label, c in counts.items() for n in range(c)]
    return pd.DataFrame(rows, columns=["id", "label", "split"], dtype=object)


def assign(records: pd.DataFrame, seed: int = 0, **changes: Any) -> dict[str, str]:
    """From id to part."""
    parts = assign_splits(records, SplitRecipe(**changes), seed)
    assert parts.index.equals(records.index)
    return dict(zip(records["id"], parts, strict=True))


def chosen(parts: dict[str, str], part: str, label: str = "") -> set[str]:
    return {image for image, found in parts.items() if found == part and label in image}


def count_by_class(records: pd.DataFrame, parts: dict[str, str], part: str) -> dict[str, int]:
    labels = records.loc[records["id"].map(parts) == part, "label"]
    return labels.value_counts().sort_index().to_dict()


FLOWERS = make_records({"daisy": 63, "rose": 40, "tulip": 17})

class_counts = st.dictionaries(
    st.text("abcdefg", min_size=1, max_size=3),
    st.integers(min_value=3, max_value=40),
    min_size=2,
    max_size=6,
)
shares = st.floats(min_value=0.01, max_value=0.6)
seeds = st.integers(min_value=0, max_value=2**32)


@settings(max_examples=60, deadline=None)
@given(counts=class_counts, validation=shares, test=shares, seed=seeds)
def test_every_image_has_one_part_and_every_class_is_in_every_part(
    counts: dict[str, int], validation: float, test: float, seed: int
) -> None:
    records = make_records(counts)
    parts = assign(records, validation=validation, test=test, seed=seed)
    assert parts.keys() == set(records["id"])
    for part in ("train", "validation", "test"):
        assert count_by_class(records, parts, part).keys() == counts.keys()


@settings(max_examples=60, deadline=None)
@given(
    counts=class_counts, test=shares, validation=st.just(0.0) | shares, seed=seeds, small=st.data()
)
def test_the_test_part_depends_on_nothing_but_its_share_and_the_seed(
    counts: dict[str, int], test: float, validation: float, seed: int, small: st.DataObject
) -> None:
    records = make_records(counts)
    reference = assign(records, test=test, validation=0.15, seed=seed)
    size = small.draw(st.integers(len(counts), len(chosen(reference, "train"))))
    others = [
        assign(records, test=test, validation=validation, seed=seed),
        assign(records, test=test, shots=1, seed=seed),
        assign(records, test=test, train_size=size, seed=seed),
    ]
    assert all(chosen(other, "test") == chosen(reference, "test") for other in others)


@settings(max_examples=30, deadline=None)
@given(seed=seeds, order=st.randoms(use_true_random=False))
def test_the_order_of_the_records_does_not_matter(seed: int, order: Any) -> None:
    positions = list(range(len(FLOWERS)))
    order.shuffle(positions)
    assert assign(FLOWERS.iloc[positions], seed=seed) == assign(FLOWERS, seed=seed)


@settings(max_examples=30, deadline=None)
@given(fewer=st.integers(1, 8), more=st.integers(1, 8), seed=seeds)
def test_few_shot_sets_are_nested(fewer: int, more: int, seed: int) -> None:
    fewer, more = sorted((fewer, more))
    small = assign(FLOWERS, shots=fewer, seed=seed)
    large = assign(FLOWERS, shots=more, seed=seed)
    assert chosen(small, "train") <= chosen(large, "train")
    assert set(count_by_class(FLOWERS, small, "train").values()) == {fewer}
    assert chosen(small, "validation") == chosen(large, "validation")


@settings(max_examples=30, deadline=None)
@given(added=st.integers(1, 200), seed=seeds)
def test_more_images_of_one_class_do_not_change_the_shots_of_another(added: int, seed: int) -> None:
    grown = make_records({"daisy": 63 + added, "rose": 40, "tulip": 17})
    before = assign(FLOWERS, shots=4, seed=seed)
    after = assign(grown, shots=4, seed=seed)
    for label in ("rose", "tulip"):
        assert chosen(after, "train", label) == chosen(before, "train", label)


@settings(max_examples=60, deadline=None)
@given(counts=class_counts, total=st.integers(0, 300))
def test_apportionment_is_exact_within_its_bounds(counts: dict[str, int], total: int) -> None:
    most = {label: count - 1 for label, count in counts.items()}
    result = apportion(counts, total, least=1, most=most)
    assert sum(result.values()) == min(max(total, len(counts)), sum(most.values()))
    assert all(1 <= result[label] <= most[label] for label in counts)


def test_apportionment_is_by_largest_remainder() -> None:
    # Quotas 3.15, 2.0, 0.85: the floors leave one seat, and the largest fraction takes it.
    sizes = {"a": 63, "b": 40, "c": 17}
    assert apportion(sizes, 6, least=0, most=sizes) == {"a": 3, "b": 2, "c": 1}


def test_shares_are_exact_and_stratified() -> None:
    parts = assign(FLOWERS, test=0.2, validation=0.25)
    # 120 images: 24 for testing (quotas 12.6, 8.0, 3.4), 24 of the other 96 for validation.
    assert count_by_class(FLOWERS, parts, "test") == {"daisy": 13, "rose": 8, "tulip": 3}
    assert len(chosen(parts, "validation")) == 24
    assert len(chosen(parts, "train")) == 72


def test_another_seed_gives_another_split() -> None:
    assert chosen(assign(FLOWERS, seed=0), "test") != chosen(assign(FLOWERS, seed=1), "test")


def test_a_split_is_the_same_on_every_machine() -> None:
    """Pinned: a change of these ids would silently move test images into old training sets."""
    parts = assign(make_records({"cat": 5, "dog": 5}), test=0.2, validation=0.25)
    assert chosen(parts, "test") == {"cat/4", "dog/1"}
    assert chosen(parts, "validation") == {"cat/3", "dog/3"}


def test_an_image_that_is_lost_moves_hardly_any_other() -> None:
    """A quarantined image must not reshuffle everything else."""
    before = assign(FLOWERS)
    after = assign(FLOWERS.drop(index=5))
    assert sum(before[image] != part for image, part in after.items()) <= 4


def test_every_image_is_as_likely_to_be_tested() -> None:
    """Over 400 seeds, each image is in the test part about 80 times."""
    records = make_records({"cat": 10, "dog": 10})
    tested = [image for seed in range(400) for image in chosen(assign(records, seed=seed), "test")]
    counts = pd.Series(tested).value_counts()
    expected, deviation = 400 * 0.2, math.sqrt(400 * 0.2 * 0.8)
    assert len(counts) == 20
    assert (counts - expected).abs().max() < 4 * deviation


# --- Parts that the source gives ------------------------------------------------------------------


def given_parts(*parts: str) -> pd.DataFrame:
    tables = [make_records({"cat": 20, "dog": 10}, part) for part in parts]
    return pd.concat(tables, ignore_index=True)


def test_given_parts_are_kept_as_they_are() -> None:
    records = given_parts("train", "validation", "test")
    parts = assign(records)
    assert all(image.startswith(part) for image, part in parts.items())


def test_validation_is_drawn_from_train_where_train_and_test_are_given() -> None:
    records = given_parts("train", "test")
    parts = assign(records, validation=0.2)
    assert chosen(parts, "test") == {image for image in parts if image.startswith("test")}
    assert count_by_class(records, parts, "validation") == {"cat": 4, "dog": 2}
    assert assign(records, validation=0.0).keys() == parts.keys()
    assert not chosen(assign(records, validation=0.0), "validation")


def test_the_test_part_is_drawn_from_train_where_train_and_validation_are_given() -> None:
    records = given_parts("train", "validation")
    parts = assign(records, test=0.2)
    expected = {image for image in parts if image.startswith("validation")}
    assert chosen(parts, "validation") == expected
    assert count_by_class(records, parts, "test") == {"cat": 4, "dog": 2}


def test_few_shots_of_given_parts_leave_the_rest_unused() -> None:
    records = given_parts("train", "validation", "test")
    parts = assign(records, shots=3)
    assert count_by_class(records, parts, "train") == {"cat": 3, "dog": 3}
    assert count_by_class(records, parts, "unused") == {"cat": 17, "dog": 7}
    assert len(chosen(parts, "test")) == 30


def test_a_class_that_is_never_trained_on_is_refused() -> None:
    records = pd.concat([given_parts("train", "test"), make_records({"bird": 1}, "test")])
    with pytest.raises(GraftError, match=r"'bird' .* none for training"):
        assign(records)


# --- Training sets of a given size, and what cannot be done ---------------------------------------


def test_a_training_set_of_a_given_size_is_stratified() -> None:
    parts = assign(FLOWERS, train_size=12, validation=0.0)
    assert count_by_class(FLOWERS, parts, "train") == {"daisy": 6, "rose": 4, "tulip": 2}
    assert len(chosen(parts, "unused")) == 120 - 24 - 12


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"validation": 1.0}, r"split\.validation: 1\.0"),
        ({"validation": -0.1}, r"split\.validation"),
        ({"test": 0.0}, r"split\.test: 0\.0"),
        ({"test": 1.0}, r"split\.test"),
        ({"shots": 5, "train_size": 10}, "exclude each other"),
        ({"shots": 0}, r"split\.shots: 0"),
        ({"train_size": 0}, r"split\.train_size: 0"),
        ({"shots": 20}, "'tulip' has 12 training images. Choose at most 12"),
        ({"train_size": 2}, "between 3"),
        ({"train_size": 100}, "and 82"),
    ],
)
def test_what_cannot_be_done_is_explained(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(GraftError, match=message):
        assign(FLOWERS, **changes)


def test_a_class_too_small_for_all_parts_is_named() -> None:
    tiny = make_records({"cat": 30, "dog": 2})
    with pytest.raises(GraftError, match="'dog' has 2 images left"):
        assign(tiny)
    assert count_by_class(tiny, assign(tiny, validation=0.0), "test")["dog"] == 1


# --- Fractions and folds --------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(fractions=st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)), seed=seeds)
def test_fractions_are_nested_and_stratified(fractions: tuple[float, float], seed: int) -> None:
    smaller, larger = (assign(FLOWERS, fraction=share, seed=seed) for share in sorted(fractions))
    assert chosen(smaller, "train") <= chosen(larger, "train")
    whole = count_by_class(FLOWERS, assign(FLOWERS, seed=seed), "train")
    for label, count in count_by_class(FLOWERS, smaller, "train").items():
        assert abs(count - min(fractions) * whole[label]) <= 0.5 or count == 1


def test_the_whole_fraction_is_all_training_images() -> None:
    assert assign(FLOWERS, fraction=1.0) == assign(FLOWERS)


@settings(max_examples=40, deadline=None)
@given(counts=class_counts, folds=st.integers(2, 5), seed=seeds)
def test_folds_share_no_image_and_are_stratified(
    counts: dict[str, int], folds: int, seed: int
) -> None:
    records = make_records({label: count + 2 * folds for label, count in counts.items()})
    parts = [assign(records, folds=folds, fold=k, seed=seed) for k in range(folds)]
    test = chosen(assign(records, seed=seed), "test")
    validation = [chosen(part, "validation") for part in parts]
    assert all(chosen(part, "test") == test for part in parts)
    assert set().union(*validation) == set(records["id"]) - test
    assert sum(map(len, validation)) == len(records) - len(test)
    assert max(map(len, validation)) - min(map(len, validation)) <= 1
    for label in counts:
        of_label = [len(chosen(p, "validation", f"{label}/")) for p in parts]
        if not any(label in other for other in counts if other != label):
            assert max(of_label) - min(of_label) <= 1


def test_folds_and_a_given_validation_part_exclude_each_other() -> None:
    with pytest.raises(GraftError, match=r"split\.folds: the source gives a validation part"):
        assign(given_parts("train", "validation"), folds=3)


def test_a_single_image_of_a_class_makes_no_folds() -> None:
    test = make_records({"daisy": 4, "rose": 4}, "test")
    records = pd.concat([make_records({"daisy": 9, "rose": 1}, "train"), test], ignore_index=True)
    with pytest.raises(GraftError, match=r"'rose' has 1 image.* Set split\.folds to null"):
        assign(records, folds=2)


def test_folds_keep_a_given_test_part() -> None:
    parts = assign(given_parts("train", "test"), folds=5, fold=4)
    assert all(image.startswith("test") for image in chosen(parts, "test"))
    assert len(chosen(parts, "validation")) == 6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fraction": 0.0}, r"split\.fraction: 0\.0"),
        ({"fraction": 1.5}, r"split\.fraction: 1\.5"),
        ({"fraction": 0.5, "shots": 3}, "exclude each other"),
        ({"folds": 1}, r"split\.folds: 1"),
        ({"folds": 3, "fold": 3}, r"split\.fold: 3"),
        ({"fold": 1}, r"split\.fold: 1"),
        ({"folds": 20}, "'tulip' has 14 images that are not for testing. Choose at most 14"),
    ],
)
def test_fractions_and_folds_that_cannot_be_had_are_explained(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(GraftError, match=message):
        assign(FLOWERS, **changes)
