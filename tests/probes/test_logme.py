"""LogME is the evidence, computed slowly, where it is highest."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from graft.probes.logme import logme


def slow_log_evidence(features: np.ndarray, targets: np.ndarray) -> float:
    """An image's share of the highest log p(y | F), of the full covariance matrix."""

    def negative(logarithms: np.ndarray) -> float:
        alpha, beta = np.exp(logarithms)
        covariance = np.eye(len(targets)) / beta + features @ features.T / alpha
        return -float(multivariate_normal(cov=covariance).logpdf(targets))

    found = [minimize(negative, (start, 2.0), method="Nelder-Mead") for start in (0.0, 3.0)]
    return -min(result.fun for result in found) / len(targets)


@pytest.mark.parametrize("shape", [(40, 6), (30, 50)])
def test_it_is_the_highest_evidence(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=shape)
    labels = (features[:, :2].sum(axis=1) + 0.5 * rng.normal(size=shape[0]) > 0).astype(np.int64)
    labels[:5] = 2
    expected = np.mean([slow_log_evidence(features, labels == k) for k in range(3)])
    assert logme(features, labels, 3) == pytest.approx(expected, abs=1e-3)


def test_features_that_tell_classes_apart_have_more_than_noise() -> None:
    rng = np.random.default_rng(1)
    labels = np.arange(200) % 4
    telling = np.eye(4)[labels] + 0.3 * rng.normal(size=(200, 4))
    noise = rng.normal(size=(200, 4))
    wide = np.concatenate([noise, rng.normal(size=(200, 150))], axis=1)
    assert logme(telling, labels, 4) > logme(noise, labels, 4) + 0.1
    assert logme(wide, labels, 4) < logme(noise, labels, 4) + 0.05  # fitting by chance pays off not


def test_several_labels_leave_out_what_does_not_count() -> None:
    rng = np.random.default_rng(2)
    features = rng.normal(size=(60, 5))
    labels = (features[:, :3] + 0.3 * rng.normal(size=(60, 3)) > 0).astype(np.int8)
    labels[40:, 1] = -1
    labels[:, 2] = 1  # tells nothing
    one = logme(features, labels[:, :1], 1)
    other = logme(features[:40], labels[:40, 1:2], 1)
    assert logme(features, labels, 3) == pytest.approx((one + other) / 2)
