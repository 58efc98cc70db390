"""Pairs that correlate: none is missed, whatever the vectors are like."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.images import correlated as module
from graft.images.correlated import ROUNDING, correlated_pairs


def unit_vectors(seed: int, count: int, dimensions: int, spread: float) -> np.ndarray:
    """Around three directions; the smaller the spread, the more alike. One is blank."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(3, dimensions))
    vectors = centres[rng.integers(0, 3, count)] + spread * rng.normal(size=(count, dimensions))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[rng.integers(0, count)] = 0
    return vectors.astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 60),
    dimensions=st.sampled_from([2, 40, 192]),
    spread=st.sampled_from([0.05, 0.3, 3.0]),
    least=st.sampled_from([0.5, 0.95, 0.998]),
    block=st.integers(1, 20),
)
def test_no_pair_is_missed(
    seed: int, count: int, dimensions: int, spread: float, least: float, block: int
) -> None:
    a = unit_vectors(seed, count, dimensions, spread)
    b = unit_vectors(seed + 1, count, dimensions, spread)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", block)
        patch.setattr(module, "TILE", 3 * block)
        found = [pair for i, j in correlated_pairs(a, b, least) for pair in zip(i, j, strict=True)]
    products = np.triu(a.astype(np.float64) @ b.T, k=1)
    expected = set(zip(*np.nonzero(products >= least), strict=True))
    assert expected <= set(found)
    assert len(set(found)) == len(found)
    assert all(i < j for i, j in found)
    if dimensions <= module.AXES:  # then the bound is the product itself
        assert all(products[pair] >= least - 2 * ROUNDING for pair in found)


def test_of_vectors_like_thumbnails_hardly_any_others_are_found() -> None:
    """Few directions hold most of what differs, as in pictures."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2000, 192)) * 0.9 ** np.arange(192)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[1000:1010] = vectors[:10]
    float32 = vectors.astype(np.float32)
    found = sum(len(i) for i, _ in correlated_pairs(float32, float32, 0.95))
    assert 10 <= found < 100


def test_the_order_of_the_pairs_does_not_depend_on_the_number_of_processors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vectors = unit_vectors(0, 300, 40, 0.3)
    monkeypatch.setattr(module, "BLOCK", 16)
    results = []
    for processors in (1, 5):
        monkeypatch.setattr(module, "available_processors", lambda number=processors: number)
        blocks = [np.stack(pairs) for pairs in correlated_pairs(vectors, vectors, 0.9)]
        results.append(np.concatenate(blocks, axis=1))
    np.testing.assert_array_equal(*results)
