"""Bytes and floats say the same, on the scales that each is used on."""

import pytest
import torch

from graft.images.conversion import normalise, to_bytes, to_float


def test_floats_run_from_zero_to_one_and_back():
    images = torch.arange(256, dtype=torch.uint8).expand(2, 3, 1, -1)
    floats = to_float(images)
    assert floats.dtype == torch.float32
    torch.testing.assert_close(floats[0, 0, 0, [0, 51, 255]], torch.tensor([0, 0.2, 1]))
    assert torch.equal(to_bytes(floats), images)
    assert to_float(floats) is floats
    assert to_bytes(images) is images


def test_channels_stay_last_in_memory():
    images = torch.zeros(2, 3, 4, 4, dtype=torch.uint8).to(memory_format=torch.channels_last)
    assert to_float(images).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_normalising_is_the_textbook_s_line(memory_format, dtype):
    stored = torch.randint(256, (3, 3, 5, 7), dtype=torch.uint8)
    images = stored.contiguous(memory_format=memory_format)
    images = to_float(images) if dtype == torch.float32 else images
    before = images.clone()
    mean, std = torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.2, 0.3, 0.7])
    expected = (to_float(stored) - mean.view(1, -1, 1, 1)) / std.view(1, -1, 1, 1)
    normalised = normalise(images, mean, std)
    torch.testing.assert_close(normalised, expected, rtol=1e-6, atol=1e-6)
    assert normalised.stride() == images.stride()
    assert torch.equal(images, before)
    shaped = normalise(images, mean.view(1, -1, 1, 1), std.view(1, -1, 1, 1))
    assert torch.equal(shaped, normalised)


def test_gradients_flow_through_normalising():
    images = torch.rand(2, 3, 4, 4).contiguous(memory_format=torch.channels_last).requires_grad_()
    normalise(images, torch.zeros(3), torch.tensor([0.5, 0.25, 1.0])).sum().backward()
    assert images.grad is not None
    torch.testing.assert_close(images.grad[0, :, 0, 0], torch.tensor([2.0, 4.0, 1.0]))
