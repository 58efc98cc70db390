"""Pictures with edges, colours and flat areas, and the numbers that operations take."""

import pytest
import torch


@pytest.fixture
def images() -> torch.Tensor:
    """uint8 (28, 3, 24, 20): noise, ramps, blocks, one colour, black, white."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (16, 3, 24, 20), dtype=torch.uint8, generator=generator)
    coarse = torch.rand(8, 3, 4, 4, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (24, 20), mode="bilinear").mul(255).byte()
    blocks = noise[:1, :, :2, :2].repeat_interleave(12, 2).repeat_interleave(10, 3)
    flat = torch.full((3, 3, 24, 20), 0, dtype=torch.uint8)
    flat[1] = 255
    flat[2] = torch.tensor([200, 90, 10])[:, None, None]
    everything = torch.cat([noise, smooth, blocks, flat])
    # Channels last, as batches come from the store.
    return everything.contiguous(memory_format=torch.channels_last)


def numbers_for(operation, batch: int, seed: int = 0) -> torch.Tensor:
    """float64 (batch, operation.numbers)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, operation.numbers, dtype=torch.float64, generator=generator)


@pytest.fixture
def numbers():
    return numbers_for
