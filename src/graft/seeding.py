"""Randomness from one seed: every purpose draws from a stream of its own.

Two mechanisms, both independent of the order in which things happen:

* `derive_seed` gives a named purpose ("head", "order", …) its own seed, so that adding a
  consumer of randomness never shifts the numbers that another one sees.
* `uniforms` is counter-based: the numbers of a sample are a function of (seed, epoch, index)
  alone, whatever batch, worker or device the sample is processed on.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_GOLDEN_GAMMA = 0x9E3779B97F4A7C15
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB


def derive_seed(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed for `purpose`, the same in every process and on every machine."""
    state = seed & 0xFFFFFFFFFFFFFFFF
    for part in purpose:
        word = part if isinstance(part, int) else zlib.crc32(part.encode())
        state = _splitmix64(state ^ _splitmix64(word & 0xFFFFFFFFFFFFFFFF))
    return state >> 1


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and torch's global generators (weights, dropout)."""
    import random

    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - libraries below us use the global generator
    torch.manual_seed(seed)


def uniforms(seed: int, epoch: int, indices: torch.Tensor, count: int) -> torch.Tensor:
    """`count` uniform numbers in [0, 1) for each sample, by counter.

    SplitMix64 (Steele, Lea and Flood 2014) over (seed, epoch, index, position).

    Args:
        seed: The run's seed.
        epoch: The epoch, so that a sample is augmented anew in each.
        indices: int64 tensor (B,), the samples' positions in the image store.
        count: How many numbers each sample needs.

    Returns:
        float32 tensor (B, count) on the device of `indices`.
    """
    import torch

    stream = derive_seed(seed, "augmentation", epoch)
    positions = torch.arange(count, dtype=torch.int64, device=indices.device)
    counter = indices.to(torch.int64)[:, None] * count + positions[None, :] + 1
    state = counter * _signed(_GOLDEN_GAMMA) + _signed(stream)
    state = (state ^ _shift_right(state, 30)) * _signed(_MIX_1)
    state = (state ^ _shift_right(state, 27)) * _signed(_MIX_2)
    state = state ^ _shift_right(state, 31)
    return _shift_right(state, 40).to(torch.float32) * 2.0**-24


def _splitmix64(state: int) -> int:
    mask = 0xFFFFFFFFFFFFFFFF
    state = (state + _GOLDEN_GAMMA) & mask
    state = ((state ^ (state >> 30)) * _MIX_1) & mask
    state = ((state ^ (state >> 27)) * _MIX_2) & mask
    return state ^ (state >> 31)


def _signed(word: int) -> int:
    """The same 64 bits as torch's signed integers hold them."""
    return word - 2**64 if word >= 2**63 else word


def _shift_right(state: torch.Tensor, bits: int) -> torch.Tensor:
    """Logical shift: torch's own shift of int64 copies the sign bit in."""
    return (state >> bits) & ((1 << (64 - bits)) - 1)
