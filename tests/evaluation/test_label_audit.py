"""Suspicious labels: wrong ones are found and come first, right ones are left alone."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from graft.errors import GraftError
from graft.evaluation.label_audit import suspicious_labels, thresholds
from graft.probes.extraction import Features

SETTINGS = {"folds": 5, "regularisation": 0.01, "seed": 0}


@cache
def digits() -> Features:
    """The digits' pixels as features, the last 300 of them test images."""
    from sklearn.datasets import load_digits

    data = load_digits()
    splits = np.array(["train"] * len(data.target))
    splits[-300:] = "test"
    ids = np.array([f"digit {k}" for k in range(len(splits))])
    names = tuple(f"is {k}" for k in range(10))
    return Features(data.data.astype(np.float32), ids, data.target, splits, names)


def with_wrong_labels(features: Features, share: float) -> tuple[Features, np.ndarray]:
    """Some training images get another label at random; their ids."""
    rng = np.random.default_rng(0)
    train = np.flatnonzero(features.splits == "train")
    wrong = rng.choice(train, int(share * len(train)), replace=False)
    labels = features.labels.copy()
    labels[wrong] = (labels[wrong] + rng.integers(1, 10, len(wrong))) % 10
    return replace(features, labels=labels), features.ids[wrong]


def test_wrong_labels_among_the_digits_come_first() -> None:
    features, wrong = with_wrong_labels(digits(), 0.05)
    found = suspicious_labels(features, **SETTINGS)
    hit = found["id"].isin(wrong).to_numpy()
    assert hit[: len(wrong) // 2].mean() > 0.9
    assert hit.mean() > 0.75
    assert hit.sum() > 0.7 * len(wrong)
    # What it suggests is mostly the label that was there before.
    true = dict(zip(digits().ids, digits().labels, strict=True))
    suggested = [f"is {true[image]}" for image in found["id"][hit]]
    assert np.mean(found["suggested"][hit] == suggested) > 0.95
    assert list(found["rank"]) == list(range(1, len(found) + 1))
    assert found["margin"].is_monotonic_increasing


def test_right_labels_are_hardly_ever_suspected() -> None:
    assert len(suspicious_labels(digits(), **SETTINGS)) < 0.02 * 1497


def test_test_images_have_no_part_in_it() -> None:
    features, _ = with_wrong_labels(digits(), 0.05)
    of_test = features.splits == "test"
    labels, matrix = features.labels.copy(), features.matrix.copy()
    labels[of_test], matrix[of_test] = 0, np.nan
    garbage = replace(features, labels=labels, matrix=matrix)
    found = suspicious_labels(garbage, **SETTINGS)
    assert found.equals(suspicious_labels(features, **SETTINGS))
    assert not set(found["id"]) & set(features.ids[of_test])


def test_thresholds_are_mean_probabilities_of_the_label_given() -> None:
    probabilities = np.array([[0.5, 0.1, 0.4], [0.3, 0.2, 0.5], [0.4, 0.6, 0.0], [0.6, 0.2, 0.2]])
    labels = np.array([0, 0, 1, 2])
    assert thresholds(probabilities, labels) == pytest.approx([0.4, 0.5, 0.2])  # 0.6 is cut off


def test_a_class_that_is_never_sure_does_not_make_its_images_suspicious() -> None:
    """Two classes that look alike: neither passes the other's threshold often."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(300, 4)).astype(np.float32)
    labels = np.arange(300) % 3
    matrix[labels == 2] += 6
    train = np.full(300, "train")
    features = Features(matrix, np.arange(300).astype(str), labels, train, ("a", "b", "c"))
    found = suspicious_labels(features, **SETTINGS)
    assert "c" not in set(found["given"]) | set(found["suggested"])


def test_of_several_labels_each_is_judged() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (300, 2)).astype(np.int8)
    matrix = np.concatenate([labels * 9.0, np.ones((300, 1))], axis=1) + rng.normal(size=(300, 3))
    labels[7, 0] = 1 - labels[7, 0]
    labels[9, 1] = -1  # not counted: nothing to judge
    train = np.full(300, "train")
    ids = np.array([f"image {k}" for k in range(300)])
    features = Features(matrix.astype(np.float32), ids, labels, train, ("cat", "dog"))
    found = suspicious_labels(features, **{**SETTINGS, "regularisation": 1.0})
    first = found.iloc[0]
    words = ("no cat", "shows cat")
    given, suggested = words[labels[7, 0]], words[1 - labels[7, 0]]
    assert (first["id"], first["given"], first["suggested"]) == ("image 7", given, suggested)
    assert not ((found["id"] == "image 9") & found["given"].str.endswith("dog")).any()


def test_too_few_images_are_said_so() -> None:
    train = np.full(3, "train")
    few = Features(
        np.eye(3, dtype=np.float32), np.array(list("abc")), np.array([0, 0, 1]), train, ("x", "y")
    )
    with pytest.raises(GraftError, match="two training images each"):
        suspicious_labels(few, **SETTINGS)
