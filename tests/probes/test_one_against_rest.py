"""Machines for several labels an image: each is scikit-learn's own, on the images that count."""

from __future__ import annotations

import json
import logging
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import average_precision_score
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from graft.errors import GraftError
from graft.probes import machines, one_against_rest, plain_machines
from graft.probes.svm import SVMClassifier, SVMRecipe, fit_svm

DIGITS = load_digits()
FEATURES = DIGITS.data.astype(np.float32)
NAMES = ("even", "divisible by 3", "above 6")
# What is true of a digit; of a tenth of the images it is not known whether 3 divides it.
LABELS = np.stack([DIGITS.target % 2 == 0, DIGITS.target % 3 == 0, DIGITS.target > 6], axis=1)
LABELS = LABELS.astype(np.int8)
LABELS[np.arange(len(LABELS)) % 10 == 0, 1] = -1
TRAIN, TEST = slice(0, 300), slice(300, 700)
SCALED = StandardScaler().fit(FEATURES[TRAIN]).transform(FEATURES)


def fitted(labels: np.ndarray = LABELS[TRAIN], seed: int = 0, **recipe: Any) -> SVMClassifier:
    return fit_svm(FEATURES[TRAIN], labels, NAMES, SVMRecipe(**recipe), seed)


def expected(kernel: str, k: int, **changes: Any) -> np.ndarray:
    """Decision values of scikit-learn's machine for class k, without the images not counted."""
    counted = LABELS[TRAIN, k] >= 0
    known = SCALED[TRAIN]
    machine = (
        SVC(C=10.0, gamma=1 / (64 * known.var()), **changes)
        if kernel == "rbf"
        else LinearSVC(C=10.0, dual=False, tol=1e-8, max_iter=5000, **changes)
    )
    return machine.fit(known[counted], LABELS[TRAIN, k][counted]).decision_function(SCALED[TEST])


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
@pytest.mark.parametrize("changes", [{}, {"class_weight": "balanced"}], ids=str)
def test_scores_are_those_of_scikit_learns_machines(kernel: str, changes: dict[str, Any]) -> None:
    machine = fitted(kernel=kernel, **changes)
    scores = machine.scores(FEATURES[TEST])
    assert scores.shape == (400, 3)
    assert scores.dtype == np.float32
    for k in range(3):
        # Solvers stop within a tolerance of 0.001, and kernels differ in their last digits.
        np.testing.assert_allclose(scores[:, k], expected(kernel, k, **changes), atol=0.01)
        counted = LABELS[TEST, k] >= 0
        precision = average_precision_score(LABELS[TEST][counted, k], scores[counted, k])
        assert precision > LABELS[TEST][counted, k].mean() + 0.2


def test_gamma_can_be_a_number() -> None:
    scale, number = fitted(), fitted(gamma=1 / (64 * float(SCALED[TRAIN].var())))
    np.testing.assert_allclose(
        scale.scores(FEATURES[TEST]), number.scores(FEATURES[TEST]), atol=1e-4
    )
    assert not np.allclose(fitted(gamma=1.0).scores(FEATURES[TEST]), scale.scores(FEATURES[TEST]))


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_an_image_that_is_not_counted_is_left_out_of_that_machine_alone(kernel: str) -> None:
    elsewhere = LABELS[TRAIN].copy()
    elsewhere[:20, 0] = -1
    first, second = fitted(kernel=kernel), fitted(elsewhere, kernel=kernel)
    same = np.isclose(first.scores(FEATURES[TEST]), second.scores(FEATURES[TEST]), atol=1e-3)
    assert same[:, 1:].all()
    assert not same[:, 0].all()


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_classes_that_tell_nothing_apart_are_named_and_never_or_always_claimed(
    kernel: str, caplog: pytest.LogCaptureFixture
) -> None:
    labels = LABELS[TRAIN].copy()
    labels[:, 0] = np.where(labels[:, 0] == 1, -1, 0)
    labels[:, 2] = 1
    with caplog.at_level(logging.WARNING):
        machine = fitted(labels, kernel=kernel)
    assert "never claim even" in caplog.text
    assert "always claim above 6" in caplog.text
    scores = machine.scores(FEATURES[TEST])
    assert (scores[:, 0] == -np.inf).all()
    assert (scores[:, 2] == np.inf).all()
    np.testing.assert_allclose(scores[:, 1], expected(kernel, 1), atol=0.01)


def test_where_no_class_tells_images_apart_nothing_is_fitted() -> None:
    for labels in (np.zeros((300, 3)), np.ones((300, 3)), np.full((300, 3), -1)):
        with pytest.raises(GraftError, match=r"no class that some .* check split\.shots"):
            fitted(labels.astype(np.int8))


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_one_class_alone_is_a_binary_machine_on_the_images_that_count(kernel: str) -> None:
    machine = fitted(kernel=kernel, positive_class="divisible by 3")
    assert machine.class_names == ("rest", "divisible by 3")
    assert machine.metadata["training_images"] == (LABELS[TRAIN, 1] >= 0).sum()
    scores = machine.scores(FEATURES[TEST])
    np.testing.assert_array_equal(scores[:, 0], -scores[:, 1])
    targets = machine.targets(LABELS[TEST])
    np.testing.assert_array_equal(targets, LABELS[TEST, 1])
    assert ((scores[:, 1] > 0) == targets)[targets >= 0].mean() > 0.7


def test_targets_are_the_labels() -> None:
    np.testing.assert_array_equal(fitted().targets(LABELS[TEST]), LABELS[TEST])


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_the_same_seed_gives_the_same_machines(kernel: str) -> None:
    first, again = (fitted(kernel=kernel, seed=3).scores(FEATURES[TEST]) for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_metadata_is_json_and_counts_the_images_that_hold_a_boundary(kernel: str) -> None:
    machine = fitted(kernel=kernel)
    metadata = json.loads(json.dumps(machine.metadata))
    assert metadata["class_names"] == list(NAMES)
    assert (metadata["training_images"], metadata["feature_dimensions"]) == (300, 64)
    assert 0 < metadata["support_vectors"] <= 300
    assert metadata["converged"]
    scores, counted = machine.scores(FEATURES[TRAIN]), LABELS[TRAIN] >= 0
    margin = np.where(LABELS[TRAIN] == 1, scores, -scores)
    inside, at_most = (
        ((margin < bound) & counted).any(axis=1).sum() for bound in (1 - 0.01, 1 + 0.01)
    )
    assert inside <= metadata["support_vectors"] <= at_most


def test_machines_that_did_not_converge_say_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("graft.probes.newton._STEPS", 1)
    with caplog.at_level(logging.WARNING):
        machine = fitted(kernel="linear")
    assert not machine.metadata["converged"]
    assert "svm.C" in caplog.text


def test_predictions_in_pieces_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = fitted()
    whole = machine.scores(FEATURES[TEST])
    monkeypatch.setattr(plain_machines, "_KERNEL_VALUES", 1000)
    np.testing.assert_allclose(machine.scores(FEATURES[TEST]), whole, rtol=1e-4, atol=1e-5)


def test_more_images_than_pairs_can_be_compared_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machines, "_MOST_AT_ALL", 299)
    with pytest.raises(GraftError, match=r"of 300 .* at most 299.*svm\.approximation 'auto'"):
        fitted(approximation="exact")
    assert fitted(approximation="nystroem").metadata["training_images"] == 300


def test_landmarks_know_each_class_too() -> None:
    exact, near = fitted(C=1.0), fitted(C=1.0, approximation="nystroem", landmarks=300)
    agree = (exact.scores(FEATURES[TEST]) > 0) == (near.scores(FEATURES[TEST]) > 0)
    assert agree.mean() > 0.97


def test_labels_of_other_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        fit_svm(FEATURES[TRAIN], LABELS[TRAIN, :2], NAMES, SVMRecipe(), 0)


@pytest.mark.parametrize("kernel", ["linear", "nystroem"])
def test_machines_do_not_depend_on_how_many_are_fitted_at_once(
    kernel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where memory does not hold all classes at all prices: eight parts of 15 questions."""
    questions = one_against_rest.Questions.of(LABELS[TRAIN], 3, "balanced")
    prices = (0.01, 0.1, 1.0, 10.0, 100.0)

    def fit() -> list[tuple[Any, bool]]:
        if kernel == "linear":
            return one_against_rest.fit_linear(SCALED[TRAIN], questions, prices)
        return one_against_rest.fit_nystroem(SCALED[TRAIN], questions, prices, 0.02, 50, 0)

    together = fit()
    monkeypatch.setattr(one_against_rest, "_AT_ONCE", 300 * 2)
    apart = fit()
    assert len(apart) == len(prices)
    for (one, one_converged), (other, other_converged) in zip(together, apart, strict=True):
        assert one_converged
        assert other_converged
        np.testing.assert_allclose(
            one.decision_function(SCALED[TEST]),
            other.decision_function(SCALED[TEST]),
            rtol=1e-3,
            atol=1e-3,
        )
