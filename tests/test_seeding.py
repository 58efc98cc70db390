"""Randomness is a function of the seed and the purpose alone."""

import torch

from graft.seeding import derive_seed, uniforms


def test_purposes_have_streams_of_their_own():
    seeds = {derive_seed(0, "order", 1), derive_seed(0, "order", 2), derive_seed(0, "head", 1)}
    assert len(seeds) == 3
    assert derive_seed(0, "order", 1) == derive_seed(0, "order", 1) != derive_seed(1, "order", 1)


def test_a_samples_numbers_do_not_depend_on_its_batch():
    indices = torch.arange(1000)
    together = uniforms(3, 7, indices, 12)
    alone = torch.cat([uniforms(3, 7, indices[i : i + 1], 12) for i in (0, 17, 999)])
    assert torch.equal(together[[0, 17, 999]], alone)
    assert not torch.equal(together, uniforms(3, 8, indices, 12))
    assert not torch.equal(together, uniforms(4, 7, indices, 12))


def test_numbers_are_uniform_and_uncorrelated():
    numbers = uniforms(0, 1, torch.arange(20_000), 6).double()
    assert numbers.min() >= 0
    assert numbers.max() < 1
    # Kolmogorov-Smirnov distance; 1.95 / sqrt(n) is exceeded once in a thousand.
    for column in numbers.T:
        expected = (torch.arange(len(column)) + 0.5) / len(column)
        assert (column.sort().values - expected).abs().max() < 1.95 / len(column) ** 0.5
    correlation = torch.corrcoef(torch.cat([numbers.T, numbers.roll(1, 0).T])).fill_diagonal_(0)
    assert correlation.abs().max() < 0.04
