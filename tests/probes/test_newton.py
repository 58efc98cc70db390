"""Linear models at their minimum: scikit-learn's, and where the gradient is zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from graft.probes import newton
from graft.probes.convex_losses import Logistic, Softmax, SquaredHinge, softmax
from graft.probes.newton import Design, Minimum, minimise


def images(seed: int, count: int, width: int, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Correlated features like a network's, and labels that they tell in part."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(width, width)) * np.logspace(0, -1.5, width)
    features = rng.normal(size=(count, width)) @ mixing
    features /= features.std(axis=0)
    noise = 0.5 * np.sqrt(width) * rng.normal(size=(count, classes))
    return features.astype(np.float32), (features @ rng.normal(size=(width, classes)) + noise)


def signs_of(scores: np.ndarray) -> np.ndarray:
    labels = scores.argmax(axis=1)
    return np.where(labels[:, None] == np.arange(scores.shape[1]), 1, -1).astype(np.float32)


def svm(features: np.ndarray, signs: np.ndarray, price: float) -> Minimum:
    design = Design.of(features, penalised_intercept=True)
    return minimise(design, SquaredHinge(signs, np.full_like(signs, price)), signs.shape[1])


def hinge_objective(
    features: np.ndarray, signs: np.ndarray, price: float, weights: np.ndarray
) -> np.ndarray:
    """In double precision, of weights (D + 1, K)."""
    outputs = features.astype(np.float64) @ weights[:-1] + weights[-1]
    short = np.maximum(0, 1 - signs * outputs)
    return 0.5 * (weights**2).sum(axis=0) + price * (short**2).sum(axis=0)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    shape=st.sampled_from([(30, 5), (200, 20), (40, 80), (3, 4)]),
    price=st.sampled_from([1e-4, 0.01, 1.0]),
)
def test_no_machine_of_scikit_learn_has_a_lower_objective(
    seed: int, shape: tuple[int, int], price: float
) -> None:
    features, scores = images(seed, *shape)
    signs = signs_of(scores)
    ours = svm(features, signs, price)
    assert ours.converged.all()
    reached = hinge_objective(features, signs, price, ours.weights[:, :, 0].astype(np.float64))
    for k in range(signs.shape[1]):
        if len(np.unique(signs[:, k])) < 2:
            continue
        theirs = LinearSVC(C=price, dual=False, tol=1e-8, max_iter=20_000)
        theirs.fit(features.astype(np.float64), signs[:, k])
        weights = np.append(theirs.coef_[0], theirs.intercept_[0])[:, None]
        lowest = hinge_objective(features, signs[:, k : k + 1], price, weights)[0]
        assert reached[k] <= lowest * (1 + 1e-4)


def test_a_high_price_on_wide_features_is_no_trouble() -> None:
    """LIBLINEAR takes minutes for these, or gives up."""
    features, scores = images(0, 400, 300)
    signs = signs_of(scores)
    found = svm(features, signs, 100.0)
    assert found.converged.all()
    weights = found.weights[:, :, 0].astype(np.float64)
    short = np.maximum(0, 1 - signs * (features @ weights[:-1] + weights[-1]))
    pull = 2 * 100.0 * (signs * short)
    expected = np.concatenate([features.T @ pull, pull.sum(axis=0, keepdims=True)])
    np.testing.assert_allclose(weights, expected, atol=0.01 * np.abs(weights).max())


@pytest.mark.parametrize("conjugate", [False, True])
def test_both_solvers_find_the_same_weights(
    conjugate: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    features, scores = images(1, 300, 20)
    expected = svm(features, signs_of(scores), 0.1).weights
    if conjugate:
        monkeypatch.setattr(newton, "_MOST_UNKNOWNS", 0)
    else:
        monkeypatch.setattr(newton, "_WIDEST_BASIS", 0)
    np.testing.assert_allclose(svm(features, signs_of(scores), 0.1).weights, expected, atol=1e-3)


def test_an_image_of_no_cost_is_not_there() -> None:
    features, scores = images(2, 100, 5)
    signs = signs_of(scores)
    costs = np.ones_like(signs)
    costs[60:] = 0
    design = Design.of(features, penalised_intercept=True)
    some = minimise(design, SquaredHinge(signs, costs), 3)
    alone = svm(features[:60], signs[:60], 1.0)
    np.testing.assert_allclose(some.weights, alone.weights, atol=1e-3)


@pytest.mark.parametrize("price", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("shape", [(300, 10), (40, 60)])
def test_multinomial_regression_is_scikit_learns(price: float, shape: tuple[int, int]) -> None:
    features, scores = images(3, *shape)
    labels = scores.argmax(axis=1)
    prices = np.array([price, 0.1 * price], dtype=np.float32)
    design = Design.of(features, penalised_intercept=False)
    found = minimise(design, Softmax(labels, np.tile(prices, (len(labels), 1))), 2, 3)
    assert found.converged.all()
    for place, of_price in enumerate(prices):
        theirs = LogisticRegression(C=float(of_price), tol=1e-8, max_iter=10_000)
        theirs.fit(features.astype(np.float64), labels)
        weights = found.weights[:, place]
        ours = softmax(features @ weights[:-1] + weights[-1])
        np.testing.assert_allclose(ours, theirs.predict_proba(features), atol=0.01)


def test_one_regression_a_class_is_scikit_learns() -> None:
    features, scores = images(4, 200, 8)
    signs = np.where(scores > 0, 1, -1).astype(np.float32)
    design = Design.of(features, penalised_intercept=False)
    found = minimise(design, Logistic(signs, np.full_like(signs, 0.5)), 3)
    for k in range(3):
        theirs = LogisticRegression(C=0.5, tol=1e-8).fit(features, signs[:, k])
        ours = features @ found.weights[:-1, k, 0] + found.weights[-1, k, 0]
        np.testing.assert_allclose(ours, theirs.decision_function(features), atol=0.02)


@pytest.mark.parametrize("kind", [SquaredHinge, Logistic, Softmax])
def test_gradients_and_curvatures_are_those_of_the_loss(kind: Any) -> None:
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(7, 2, 3 if kind is Softmax else 1))
    costs = rng.uniform(0.5, 2, size=(7, 2))
    signs = np.where(rng.random((7, 2)) < 0.5, -1.0, 1.0)
    loss = kind(rng.integers(0, 3, 7) if kind is Softmax else signs, costs)
    direction, step = rng.normal(size=outputs.shape), 1e-5
    ahead, behind = (loss.value(outputs + sign * step * direction) for sign in (1, -1))
    slope = (loss.gradient(outputs) * direction).sum(axis=(0, 2))
    np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=1e-5)
    ahead, behind = (loss.gradient(outputs + sign * step * direction) for sign in (1, -1))
    bent = loss.curvature(outputs)(direction)
    np.testing.assert_allclose(bent, (ahead - behind) / (2 * step), rtol=1e-4, atol=1e-6)
