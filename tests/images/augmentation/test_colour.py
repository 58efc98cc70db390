"""Colour changes: torchvision's for one image, drawn for each sample."""

import pytest
import torch
from torchvision import transforms
from torchvision.transforms import functional as F

from graft.images.augmentation import colour
from graft.images.augmentation.colour import ColorJitter


@pytest.mark.parametrize("change", ["brightness", "contrast", "saturation", "hue"])
def test_changes_are_those_of_torchvision(images, change):
    generator = torch.Generator().manual_seed(3)
    factors = 2 * torch.rand(len(images), generator=generator)
    if change == "hue":
        factors = (factors - 1) / 2
    floats = images.float() / 255
    ours = getattr(colour, f"adjust_{change}")(floats, factors)
    reference = getattr(F, f"adjust_{change}")
    for sample, source, factor in zip(ours, floats, factors.tolist(), strict=True):
        torch.testing.assert_close(sample, reference(source, factor), rtol=0, atol=2e-5)


def test_each_sample_has_its_own_order_and_factors(images, numbers):
    jitter = ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.2)
    floats = images.float() / 255
    drawn = numbers(jitter, len(images))
    out = jitter.apply(floats, drawn)
    functions = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
    from itertools import permutations

    orders = list(permutations(range(4)))
    assert len({int(u * 24) for u in drawn[:, 4].tolist()}) > 12
    for sample, source, (*values, order) in zip(out, floats, drawn.tolist(), strict=True):
        factors = [1 + 0.4 * (2 * value - 1) for value in values[:3]]
        factors.append(0.2 * (2 * values[3] - 1))
        for which in orders[int(order * 24)]:
            source = functions[which](source, factors[which])
        torch.testing.assert_close(sample, source, rtol=0, atol=5e-5)


@pytest.mark.parametrize("field", ["brightness", "contrast", "saturation", "hue"])
def test_what_is_zero_is_left_alone(images, numbers, field):
    jitter = ColorJitter(**{field: 0.3})
    floats = images.float() / 255
    drawn = numbers(jitter, len(images))
    column = ("brightness", "contrast", "saturation", "hue").index(field)
    alone = 0.3 * (2 * drawn[:, column] - 1) + (0 if field == "hue" else 1)
    expected = getattr(colour, f"adjust_{field}")(floats, alone.float())
    torch.testing.assert_close(jitter.apply(floats, drawn), expected, rtol=0, atol=1e-6)


def test_channel_statistics_are_distributed_as_in_torchvision(numbers):
    """Means and second moments of three channels, within five standard errors."""
    count = 1500
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(3, 8, 8, generator=generator) * torch.tensor([0.9, 0.5, 0.2])[:, None, None]
    jitter = ColorJitter(brightness=0.5, contrast=0.5, saturation=0.5, hue=0.3)
    ours = jitter.apply(image.expand(count, -1, -1, -1), numbers(jitter, count))
    torch.manual_seed(0)
    reference = transforms.ColorJitter(0.5, 0.5, 0.5, 0.3)
    theirs = torch.stack([reference(image) for _ in range(count)])
    for moment in (1, 2):
        first, second = ((batch**moment).mean((2, 3)) for batch in (ours, theirs))
        error = ((first.var(0) + second.var(0)) / count).sqrt()
        assert (abs(first.mean(0) - second.mean(0)) < 5 * error).all()
