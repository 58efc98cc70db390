"""Support vector machines: what they decide, what they refuse and what they report."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from sklearn.svm import SVC, LinearSVC

from graft.errors import GraftError
from graft.evaluation import Predictions
from graft.probes import machines
from graft.probes.svm import SVMClassifier, SVMRecipe, fit_svm

DIGITS = load_digits()
FEATURES = DIGITS.data.astype(np.float32)
LABELS = DIGITS.target.astype(np.int64)
NAMES = tuple(map(str, range(10)))
TRAIN, TEST = slice(0, 400), slice(400, 800)


def fitted(seed: int = 0, rows: slice | np.ndarray = TRAIN, **recipe: Any) -> SVMClassifier:
    return fit_svm(FEATURES[rows], LABELS[rows], NAMES, SVMRecipe(**recipe), seed)


def predicted(classifier: SVMClassifier, **changes: Any) -> np.ndarray:
    """What scikit-learn's own machine, fitted to the same images, says of the test images."""
    recipe = classifier.metadata["recipe"]
    targets, scaled = classifier.targets(LABELS[TRAIN]), classifier.scaler.transform(FEATURES)
    machine = (
        SVC(C=recipe["C"], gamma=recipe["gamma"], break_ties=len(classifier.class_names) > 2)
        if recipe["kernel"] == "rbf"
        else LinearSVC(C=recipe["C"], dual=False, tol=1e-6, max_iter=10_000)
    )
    return machine.set_params(**changes).fit(scaled[TRAIN], targets).predict(scaled[TEST])


def test_importing_it_is_cheap() -> None:
    code = (
        "import sys, graft.probes.svm\n"
        "heavy = {'torch', 'sklearn', 'scipy', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_the_highest_score_is_the_prediction(kernel: str) -> None:
    machine = fitted(kernel=kernel)
    scores = machine.scores(FEATURES[TEST])
    assert scores.shape == (400, 10)
    assert scores.dtype == np.float32
    assert (scores.argmax(axis=1) == predicted(machine)).mean() > 0.99  # ties may fall otherwise
    assert (scores.argmax(axis=1) == LABELS[TEST]).mean() > 0.8


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_one_class_against_the_rest(kernel: str) -> None:
    machine = fitted(kernel=kernel, positive_class="8")
    assert machine.class_names == ("rest", "8")
    scores, targets = machine.scores(FEATURES[TEST]), machine.targets(LABELS[TEST])
    np.testing.assert_array_equal(scores[:, 0], -scores[:, 1])
    np.testing.assert_array_equal(scores.argmax(axis=1), predicted(machine))
    np.testing.assert_array_equal(targets, LABELS[TEST] == 8)
    assert roc_auc_score(targets, scores[:, 1]) > 0.9


def test_binary_scores_can_stand_beside_a_network_of_all_classes() -> None:
    machine = fitted(positive_class="8")
    ids = np.arange(400)
    svm = Predictions(
        "svm",
        ids,
        machine.targets(LABELS[TEST]),
        machine.scores(FEATURES[TEST]),
        machine.class_names,
        0.0,
    )
    network = Predictions("network", ids, LABELS[TEST], np.eye(10)[LABELS[TEST]], NAMES, 0.0)
    binary = network.as_binary("8")
    assert binary.class_names == svm.class_names
    np.testing.assert_array_equal(binary.labels, svm.labels)


def test_features_are_standardised_before_the_kernel_sees_them() -> None:
    stretched = FEATURES * np.logspace(-3, 3, 64, dtype=np.float32) + 5
    machine = fit_svm(stretched[TRAIN], LABELS[TRAIN], NAMES, SVMRecipe(), seed=0)
    same = machine.scores(stretched[TEST]).argmax(1) == fitted().scores(FEATURES[TEST]).argmax(1)
    assert same.mean() > 0.99


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
@pytest.mark.parametrize("present", [(2, 5, 7), (2, 5)])
def test_a_class_without_training_images_is_never_chosen(
    kernel: str, present: tuple[int, ...]
) -> None:
    machine = fitted(rows=np.flatnonzero(np.isin(LABELS[TRAIN], present)), kernel=kernel)
    scores = machine.scores(FEATURES[TEST])
    assert scores.shape == (400, 10)
    assert set(scores.argmax(axis=1)) == set(present)
    absent = np.setdiff1d(np.arange(10), present)
    assert (scores[:, absent] == -np.inf).all()
    assert np.isfinite(scores[:, present]).all()


@pytest.mark.parametrize("positive_class", [None, "8"])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_linear_machines_are_at_the_minimum_of_linear_svc(
    positive_class: str | None, class_weight: Any
) -> None:
    machine = fitted(
        kernel="linear", C=0.01, positive_class=positive_class, class_weight=class_weight
    )
    targets, scaled = machine.targets(LABELS[TRAIN]), machine.scaler.transform(FEATURES)
    theirs = LinearSVC(C=0.01, dual=False, tol=1e-8, class_weight=class_weight)
    theirs.fit(scaled[TRAIN], targets)
    ours = machine.scores(FEATURES[TEST])
    expected = theirs.decision_function(scaled[TEST])
    np.testing.assert_allclose(ours if expected.ndim == 2 else ours[:, 1], expected, atol=2e-3)


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_two_of_many_classes_are_told_apart_as_scikit_learn_does(kernel: str) -> None:
    rows = np.flatnonzero(np.isin(LABELS[TRAIN], (2, 5)))
    machine = fitted(rows=rows, kernel=kernel, C=0.1)
    recipe, scaled = machine.metadata["recipe"], machine.scaler.transform(FEATURES)
    theirs = (
        SVC(C=0.1, gamma=recipe["gamma"]) if kernel == "rbf" else LinearSVC(C=0.1, tol=1e-8)
    ).fit(scaled[rows], LABELS[rows])
    scores = machine.scores(FEATURES[TEST])
    np.testing.assert_allclose(scores[:, 5], theirs.decision_function(scaled[TEST]), atol=1e-3)
    np.testing.assert_array_equal(scores[:, 2], -scores[:, 5])


@pytest.mark.skipif(find_spec("sklearnex") is None, reason="needs the extra 'intelex'")
@pytest.mark.parametrize("changes", [{}, {"positive_class": "8", "class_weight": "balanced"}])
def test_onedal_decides_as_scikit_learn_does(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machines, "LEAST_FOR_ONEDAL", 400)
    fast, plain = fitted(**changes), fitted(onedal="never", **changes)
    assert fast.metadata["onedal"]
    assert not plain.metadata["onedal"]
    ours, theirs = fast.scores(FEATURES[TEST]), plain.scores(FEATURES[TEST])
    np.testing.assert_array_equal(ours.argmax(axis=1), theirs.argmax(axis=1))
    if "positive_class" in changes:
        np.testing.assert_allclose(ours, theirs, atol=0.005)
    assert SVC.__module__ == "sklearn.svm._classes"  # scikit-learn itself stays as it is


def test_without_onedal_scikit_learn_does_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(machines, "find_spec", lambda name: None)
    monkeypatch.setattr(machines, "LEAST_FOR_ONEDAL", 400)
    with caplog.at_level(logging.INFO):
        machine = fitted()
    assert not machine.metadata["onedal"]
    assert "by scikit-learn; with the extra 'intelex' it would be faster" in caplog.text


def test_landmarks_come_near_the_exact_machine_and_all_images_nearer() -> None:
    exact = fitted(C=1.0).scores(FEATURES[TEST]).argmax(axis=1)
    agreement = [
        (
            exact
            == fitted(C=1.0, approximation="nystroem", landmarks=count)
            .scores(FEATURES[TEST])
            .argmax(axis=1)
        ).mean()
        for count in (20, 400)
    ]
    assert agreement[1] > 0.94  # one against one, hinge; one against the rest, squared hinge
    assert agreement[0] < agreement[1]


@pytest.mark.parametrize(("images", "solver"), [(400, "exact"), (399, "exact"), (401, "nystroem")])
def test_the_size_decides_which_solver_it_is(
    images: int, solver: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(machines, "MOST_EXACT", 400)
    with caplog.at_level(logging.INFO):
        machine = fitted(rows=np.arange(images), landmarks=50)
    assert machine.metadata["solver"] == solver
    assert f"{images} training images are {'over' if images > 400 else 'up to'} 400" in caplog.text


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_the_same_seed_gives_the_same_machine(kernel: str) -> None:
    first, again = (fitted(kernel=kernel, seed=3).scores(FEATURES[TEST]) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_balanced_weights_find_more_of_a_rare_class() -> None:
    rare = np.flatnonzero((LABELS[:1200] != 8) | (np.arange(1200) < 60))
    # A low price of mistakes leaves the rare class to the common one unless it is weighed.
    found = [
        fitted(rows=rare, positive_class="8", C=0.02, class_weight=weight)
        .scores(FEATURES[1200:][LABELS[1200:] == 8])
        .argmax(axis=1)
        .mean()
        for weight in (None, "balanced")
    ]
    assert found[1] > found[0]


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_metadata_is_json_and_says_what_was_fitted(kernel: str) -> None:
    metadata = json.loads(json.dumps(fitted(kernel=kernel, positive_class="3").metadata))
    assert metadata["recipe"]["kernel"] == kernel
    assert metadata["class_names"] == list(NAMES)
    assert (metadata["training_images"], metadata["feature_dimensions"]) == (400, 64)
    assert 0 < metadata["support_vectors"] <= 400
    assert metadata["converged"]
    assert metadata["seconds"] > 0


def test_a_linear_machine_is_held_by_its_support_vectors_alone() -> None:
    machine = fitted(kernel="linear", positive_class="3", C=0.1)
    scaled, targets = machine.scaler.transform(FEATURES[TRAIN]), machine.targets(LABELS[TRAIN])
    margin = machine.scores(FEATURES[TRAIN])[:, 1] * np.where(targets == 1, 1, -1)
    holding = margin < 1
    assert holding.sum() == machine.metadata["support_vectors"] < 400
    again = LinearSVC(C=0.1, dual=False, tol=1e-6).fit(scaled[holding], targets[holding])
    np.testing.assert_allclose(again.coef_[0], machine.machine.weights[:, 1], atol=0.001)


def test_a_machine_that_did_not_converge_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("graft.probes.newton._STEPS", 1)
    with caplog.at_level(logging.WARNING):
        machine = fitted(kernel="linear")
    assert not machine.metadata["converged"]
    assert "svm.C" in caplog.text


def broken(features: np.ndarray) -> np.ndarray:
    features = features.copy()
    features[[3, 5], 1] = np.nan, np.inf
    return features


def test_features_that_are_not_finite_are_refused_in_fitting_and_in_prediction() -> None:
    complaint = r"2 of 400 images are not finite \(first: row 3\)"
    with pytest.raises(GraftError, match=complaint):
        fit_svm(broken(FEATURES[TRAIN]), LABELS[TRAIN], NAMES, SVMRecipe(), 0)
    with pytest.raises(GraftError, match=complaint):
        fitted().scores(broken(FEATURES[TEST]))


def test_features_of_another_width_are_refused() -> None:
    with pytest.raises(GraftError, match=r"fitted to 64 features .*features\.taps"):
        fitted().scores(FEATURES[TEST, :32])


def test_labels_of_one_class_are_refused() -> None:
    with pytest.raises(GraftError, match=r"hold only: 4; check split\.shots"):
        fitted(rows=np.flatnonzero(LABELS == 4))
    with pytest.raises(GraftError, match="hold only: rest;"):
        fitted(rows=np.flatnonzero(LABELS != 4), positive_class="4")


def test_an_unknown_positive_class_is_refused_with_the_nearest_name() -> None:
    recipe = SVMRecipe(positive_class="brid")
    with pytest.raises(GraftError, match="did you mean 'bird'"):
        fit_svm(FEATURES[:10], LABELS[:10] % 2, ("bird", "cat"), recipe, 0)


def test_an_unknown_kernel_is_refused() -> None:
    recipe = replace(SVMRecipe(), kernel="poly")  # type: ignore[arg-type]
    with pytest.raises(GraftError, match=r"svm\.kernel is 'poly'"):
        fit_svm(FEATURES[TRAIN], LABELS[TRAIN], NAMES, recipe, 0)


def test_features_and_labels_must_be_of_equal_length() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        fit_svm(FEATURES[:10], LABELS[:9], NAMES, SVMRecipe(), 0)
