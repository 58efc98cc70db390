"""Learning curves: nested training sets, the same test images, means over seeds, the diagnosis."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graft.evaluation import Predictions, paired_seeds_interval
from graft.evaluation.learning_curves import (
    diagnose_curve,
    enough_epochs,
    headline_score,
    summarise,
    with_fewer_labels,
)
from graft.images.store import ImageStore


def ids(store: ImageStore, part: str) -> set[str]:
    return set(store.manifest["id"][store.indices(part)])


def test_smaller_sets_are_nested_and_other_parts_stay(store: ImageStore) -> None:
    half, quarter = (with_fewer_labels(store, fraction, seed=3) for fraction in (0.5, 0.25))
    assert (len(ids(half, "train")), len(ids(quarter, "train"))) == (24, 12)
    assert ids(quarter, "train") < ids(half, "train") < ids(store, "train")
    for part in ("validation", "test"):
        assert ids(quarter, part) == ids(half, part) == ids(store, part)
    assert len(quarter.indices("unused")) == 36
    assert np.bincount(quarter.labels("train")).tolist() == [4, 4, 4]


def test_all_of_it_is_the_store_itself_and_seeds_draw_other_images(store: ImageStore) -> None:
    assert with_fewer_labels(store, 1.0, seed=0).digest == store.digest
    one, other = (ids(with_fewer_labels(store, 0.25, seed), "train") for seed in (0, 1))
    assert one != other


def test_unused_images_stay_unused(store: ImageStore) -> None:
    split = store.manifest["split"].to_numpy(copy=True)
    split[:24] = "unused"
    fewer = ImageStore(store.images, store.manifest.assign(split=split), store.class_names, "noise")
    half = with_fewer_labels(fewer, 0.5, seed=0)
    assert len(ids(half, "train")) == 12
    assert ids(half, "train") <= ids(fewer, "train")


def test_few_images_are_shown_for_more_epochs() -> None:
    assert enough_epochs(8, images=1000, batch_size=64, least_steps=60) == 8
    assert enough_epochs(8, images=60, batch_size=64, least_steps=60) == 60
    assert enough_epochs(8, images=65, batch_size=64, least_steps=60) == 30
    assert enough_epochs(8, images=60, batch_size=64, least_steps=0) == 8


def test_the_score_is_accuracy_or_mean_average_precision() -> None:
    one = Predictions("net", np.arange(3), [0, 1, 1], np.eye(2)[[0, 1, 0]], ("a", "b"), 0.0)
    assert headline_score(one) == pytest.approx(2 / 3)
    labels, scores = [[1, 0], [0, 1]], [[0.9, 0.2], [0.1, 0.3]]
    several = Predictions("net", np.arange(2), labels, scores, ("a", "b"), 0.0, threshold=0.5)
    assert headline_score(several) == 1


def trainings(test: dict[int, list[float]], train: float = 1.0) -> pd.DataFrame:
    """Points of one method: for each number of images the test scores of seeds 0, 1, …"""
    return pd.DataFrame(
        [
            {
                "method": "fine-tuned",
                "train_images": images,
                "seed": seed,
                "epochs": 8,
                "seconds": 2.0,
                "train": train,
                "validation": np.nan,
                "test": score,
            }
            for images, scores in test.items()
            for seed, score in enumerate(scores)
        ]
    )


def test_the_table_has_means_deviations_and_gaps() -> None:
    points = trainings({100: [0.5, 0.6, 0.7], 10: [0.2, 0.2, 0.3]})
    table = summarise(points, 0.95)
    assert table["train_images"].tolist() == [10, 100]
    row = table.iloc[1]
    assert (row["test"], row["test_deviation"]) == pytest.approx((0.6, 0.1))
    expected = paired_seeds_interval([0.5, 0.6, 0.7])
    assert (row["test_low"], row["test_high"]) == pytest.approx((expected.low, expected.high))
    assert (row["gap"], row["gap_deviation"]) == pytest.approx((0.4, 0.1))


def test_intervals_of_shares_stay_within_0_and_1() -> None:
    table = summarise(trainings({10: [0.0, 0.1], 100: [0.9, 1.0]}), 0.95)
    assert (table["test_low"] >= 0).all()
    assert (table["test_high"] <= 1).all()


def test_methods_are_compared_on_the_same_images_and_seeds() -> None:
    scratch = trainings({10: [0.1, 0.4], 100: [0.5, 0.5]}).assign(method="from scratch")
    points = pd.concat([trainings({10: [0.3, 0.5], 100: [0.6, 0.8]}), scratch.iloc[::-1]])
    table = summarise(points, 0.95).set_index(["method", "train_images"])
    assert table["difference"]["fine-tuned"].isna().all()
    assert table["difference"]["from scratch"].tolist() == pytest.approx([-0.15, -0.2])
    expected = paired_seeds_interval([-0.2, -0.1])
    assert table["difference_low"]["from scratch"][10] == pytest.approx(expected.low)


def test_one_seed_has_no_deviation() -> None:
    row = summarise(trainings({10: [0.5]}), 0.95).iloc[0]
    assert row["test"] == 0.5
    assert row[["test_low", "test_high", "test_deviation", "gap_deviation"]].isna().all()


@pytest.mark.parametrize(
    ("test", "verdict"),
    [
        ({100: [0.5, 0.51, 0.52], 200: [0.7, 0.71, 0.73]}, "too few data"),
        ({100: [0.7, 0.71, 0.72], 200: [0.7, 0.72, 0.71]}, "over-fitting"),
        ({200: [0.7, 0.72, 0.71]}, "over-fitting"),
        ({100: [0.5], 200: [0.7]}, "over-fitting"),  # of one seed no gain is sure
    ],
)
def test_whether_more_images_would_help_is_read_from_the_curve(
    test: dict[int, list[float]], verdict: str
) -> None:
    found = diagnose_curve(trainings(test), "fine-tuned", 0.1, images=1000, confidence=0.95)
    assert found.verdict == verdict
