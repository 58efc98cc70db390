"""Images with several labels are split so that every part shows every class in its share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.classes import join_labels, split_label
from graft.errors import GraftError
from graft.images.split import SplitRecipe, assign_splits

CLASSES = ("person", "car", "dog", "sheep")
seeds = st.integers(0, 2**32)


def make_records(images: int = 400) -> pd.DataFrame:
    """Classes from common to rare that come together, as in photographs; some images show none."""
    rng = np.random.default_rng(0)
    shown = rng.random((images, 4)) < (0.5, 0.2, 0.1, 0.03)
    labels = [join_labels(np.array(CLASSES)[row]) for row in shown]
    ids = [f"{number:03d}" for number in range(images)]
    return pd.DataFrame({"id": ids, "label": labels, "split": None}, dtype=object)


RECORDS = make_records()


def assign(records: pd.DataFrame = RECORDS, seed: int = 0, **changes: Any) -> pd.Series:
    return assign_splits(records, SplitRecipe(**changes), seed, multi_label=True)


def shares(labels: pd.Series) -> np.ndarray:
    """Of each class the share of images that show it."""
    return np.array([np.mean([name in split_label(label) for label in labels]) for name in CLASSES])


@settings(max_examples=25, deadline=None)
@given(seed=seeds, shots=st.none() | st.integers(1, 5))
def test_every_image_has_one_part_and_the_test_part_depends_on_the_seed_alone(
    seed: int, shots: int | None
) -> None:
    parts = assign(seed=seed, shots=shots)
    assert set(parts) <= {"train", "validation", "test", "unused"}
    assert (parts == "test").sum() == 80
    assert ((parts == "test") == (assign(seed=seed, validation=0.0) == "test")).all()


def test_parts_show_each_class_in_its_share_more_evenly_than_by_chance() -> None:
    """The rarest class, 14 images: its share of the test images stays within one image of 20 %."""
    whole = shares(RECORDS["label"])
    ours, chance = [], []
    for seed in range(30):
        test = assign(seed=seed) == "test"
        ours.append(shares(RECORDS.loc[test, "label"]) - whole)
        drawn = np.random.default_rng(seed).permutation(len(RECORDS))[:80]
        chance.append(shares(RECORDS.loc[drawn, "label"]) - whole)
    spread, by_chance = np.std(ours, axis=0), np.std(chance, axis=0)
    assert np.abs(np.array(ours)[:, 3]).max() <= 1 / 80
    assert (spread <= 1.05 * by_chance).all()
    assert (spread[1:] < 0.7 * by_chance[1:]).all()


@settings(max_examples=25, deadline=None)
@given(seed=seeds, fewer=st.integers(1, 5))
def test_each_class_has_its_shots_and_they_are_nested(seed: int, fewer: int) -> None:
    small, large = (assign(seed=seed, shots=shots) == "train" for shots in (fewer, fewer + 1))
    assert not (small & ~large).any()
    for labels, shots in ((RECORDS.loc[small, "label"], fewer), (RECORDS.loc[large, "label"], 6)):
        counts = shares(labels) * len(labels)
        assert counts.min() >= min(shots, fewer + 1) - 1e-9
    assert small.sum() <= 4 * fewer


@settings(max_examples=15, deadline=None)
@given(seed=seeds, order=st.randoms(use_true_random=False))
def test_the_order_of_the_records_does_not_matter(seed: int, order: Any) -> None:
    positions = list(range(len(RECORDS)))
    order.shuffle(positions)
    shuffled = assign(RECORDS.iloc[positions], seed=seed)
    assert shuffled.sort_index().equals(assign(seed=seed))


def test_folds_share_no_image() -> None:
    folds = [assign(folds=4, fold=k) == "validation" for k in range(4)]
    assert (sum(fold.astype(int) for fold in folds) == (assign() != "test").astype(int)).all()
    assert {int(fold.sum()) for fold in folds} == {80}


def test_images_without_any_label_are_spread_too() -> None:
    bare = RECORDS["label"] == ""
    parts = assign()
    assert (parts[bare] == "test").mean() == pytest.approx(0.2, abs=0.01)


def test_given_parts_are_kept_and_a_class_that_is_never_trained_on_is_refused() -> None:
    records = RECORDS.assign(split=["train"] * 300 + ["test"] * 100)
    assert (assign(records)[300:] == "test").all()
    sheep = records["label"].str.contains("sheep")
    with pytest.raises(GraftError, match=r"'sheep' .* none for training"):
        assign(records[~sheep | (records["split"] == "test")])


def test_too_few_images_for_the_shots_are_an_error_that_names_the_class() -> None:
    with pytest.raises(GraftError, match=r"split\.shots: 50, but the class 'sheep' has"):
        assign(shots=50)


def test_a_training_set_without_a_class_is_refused() -> None:
    """Half of the images of "ant", and of "bee", show a "wing" too; it is in no other stratum."""
    labels = ["ant|wing", "ant", "bee|wing", "bee"] + ["person"] * 40
    records = pd.DataFrame({"id": [f"{k:02d}" for k in range(44)], "label": labels, "split": None})
    messages = []
    for seed in range(20):
        try:
            parts = assign(records, seed=seed, validation=0.0, train_size=3)
        except GraftError as error:
            messages.append(str(error))
        else:
            assert records.loc[parts == "train", "label"].str.contains("wing").any()
    assert 0 < len(messages) < 20
    assert all("'wing' has images" in message for message in messages)
