"""Maps of features keep neighbours together, for any number of images and columns."""

from __future__ import annotations

import numpy as np
import pytest

from graft.evaluation.explanation import map_features


def test_groups_stay_apart_in_both_planes() -> None:
    rng = np.random.default_rng(0)
    groups = np.arange(120) % 3
    features = (20 * np.eye(3, 8)[groups] + rng.normal(size=(120, 8))).astype(np.float32)
    found = map_features(features, seed=0)
    for points in (found.components, found.neighbours):
        centres = np.stack([points[groups == k].mean(axis=0) for k in range(3)])
        nearest = np.linalg.norm(points[:, None] - centres, axis=2).argmin(axis=1)
        assert (nearest == groups).mean() > 0.99


def test_components_are_those_of_the_standardised_features() -> None:
    rng = np.random.default_rng(1)
    features = rng.normal(size=(50, 4)).astype(np.float32) * [1, 10, 100, 0] + 5
    found = map_features(features, seed=0)
    standard = (features - features.mean(axis=0)) / np.where(
        features.std(axis=0), features.std(axis=0), 1
    )
    values = np.linalg.svd(standard - standard.mean(axis=0), compute_uv=False) ** 2
    assert found.explained == pytest.approx(values[:2] / values.sum(), rel=1e-4)
    assert found.components.var(axis=0) == pytest.approx(values[:2] / 50, rel=1e-4)


@pytest.mark.parametrize("shape", [(3, 1), (4, 2), (5, 60)])
def test_few_images_and_columns_are_mapped(shape: tuple[int, int]) -> None:
    found = map_features(np.random.default_rng(0).normal(size=shape).astype(np.float32), seed=0)
    assert found.components.shape == found.neighbours.shape == (shape[0], 2)
    assert np.isfinite(found.components).all()
    assert np.isfinite(found.neighbours).all()


def test_features_that_do_not_vary_are_mapped_to_one_point() -> None:
    found = map_features(np.ones((6, 4), dtype=np.float32), seed=0)
    assert np.ptp(found.components) == pytest.approx(0)
    assert found.explained.tolist() == [0, 0]


def test_two_images_are_no_map() -> None:
    with pytest.raises(ValueError, match="at least 3 images"):
        map_features(np.ones((2, 4), dtype=np.float32), seed=0)
