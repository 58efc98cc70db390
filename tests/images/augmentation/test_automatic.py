"""RandAugment and TrivialAugment: torchvision's operations on each sample of a batch."""

from collections import Counter

import numpy as np
import pytest
import torch
from torchvision import transforms
from torchvision.transforms import InterpolationMode
from torchvision.transforms.autoaugment import RandAugment as Reference
from torchvision.transforms.autoaugment import TrivialAugmentWide, _apply_op

from graft.images.augmentation.automatic import (
    RAND_AUGMENT,
    TRIVIAL_AUGMENT_WIDE,
    RandAugment,
    TrivialAugment,
    apply_drawn,
)

GEOMETRIC = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")
SIDES = (24, 20)
SPACES = {
    "rand_augment": (RAND_AUGMENT, Reference()._augmentation_space(31, SIDES)),
    "trivial_augment": (TRIVIAL_AUGMENT_WIDE, TrivialAugmentWide()._augmentation_space(31)),
}


def reference(image, name, magnitude):
    return _apply_op(image, name, magnitude, InterpolationMode.NEAREST, fill=None)


@pytest.mark.parametrize("which", SPACES)
def test_magnitudes_are_those_of_torchvision(which):
    ours, theirs = SPACES[which]
    assert list(ours) == list(theirs)
    strengths = torch.arange(31)
    for name, (magnitudes, signed) in theirs.items():
        draw = ours[name]
        assert draw.signed == signed, name
        if draw.apply is None or magnitudes.ndim == 0:
            continue
        found = draw.magnitudes(strengths, torch.zeros(31, dtype=torch.bool), SIDES)
        torch.testing.assert_close(found.float(), magnitudes.float(), rtol=1e-5, atol=1e-4)
        negative = draw.magnitudes(strengths, torch.ones(31, dtype=torch.bool), SIDES)
        assert torch.equal(negative, -found if signed else found)


@pytest.mark.parametrize("which", SPACES)
@pytest.mark.parametrize("name", RAND_AUGMENT)
def test_each_operation_is_that_of_torchvision(images, which, name):
    """To the byte; a nearest pixel may be another one where two are equally near."""
    space = SPACES[which][0]
    strengths = torch.arange(len(images)) % 31
    signs = torch.arange(len(images)) % 2 * 0.9
    position = torch.full((len(images),), (list(space).index(name) + 0.5) / len(space))
    out = apply_drawn(space, images, position.double(), strengths, signs.double())
    magnitudes = space[name].magnitudes(strengths, signs < 0.5, SIDES)
    differing = []
    for sample, source, magnitude in zip(out, images, magnitudes.tolist(), strict=True):
        differing.append((sample != reference(source, name, magnitude)).any(0).float().mean())
    assert out.dtype == torch.uint8
    assert max(differing) <= (0.02 if name in GEOMETRIC else 0)
    if name != "Identity":
        assert not torch.equal(out, images)


@pytest.mark.parametrize("name", ["Brightness", "Sharpness", "Posterize", "Equalize", "Rotate"])
def test_one_sample_alone_is_like_one_of_many(images, name):
    space = TRIVIAL_AUGMENT_WIDE
    which = torch.full((len(images),), (list(space).index(name) + 0.5) / 14).double()
    strengths = torch.arange(len(images)) % 31
    together = apply_drawn(space, images, which, strengths, which)
    for i in range(len(images)):
        one = slice(i, i + 1)
        alone = apply_drawn(space, images[one], which[one], strengths[one], which[one])
        assert torch.equal(alone[0], together[i])


def test_rand_augment_applies_its_operations_one_after_another(images, numbers):
    operation = RandAugment(num_ops=3, magnitude=20)
    drawn = numbers(operation, len(images))
    out = operation.apply(images, drawn)
    names = list(RAND_AUGMENT)
    for sample, source, row in zip(out, images, drawn.tolist(), strict=True):
        for u, sign in zip(row[::2], row[1::2], strict=True):
            draw = RAND_AUGMENT[names[int(u * 14)]]
            if draw.apply is not None:
                negative = torch.tensor([sign < 0.5])
                magnitude = draw.magnitudes(torch.tensor([20]), negative, SIDES)
                source = draw.apply(source[None], magnitude)[0]
        assert torch.equal(sample, source)


def test_trivial_augment_draws_every_operation_strength_and_sign_equally_often():
    """Chi-squares below their 0.999 quantiles, for 13, 30 and 1 degrees of freedom."""
    operation, count = TrivialAugment(), 6000
    drawn = torch.rand(count, 3, generator=torch.Generator().manual_seed(0)).double()
    seen: dict[str, list] = {"which": [], "strength": [], "sign": []}
    import graft.images.augmentation.automatic as automatic

    def spy(space, images, which, strengths, sign):
        seen["which"] += (which * 14).long().tolist()
        seen["strength"] += strengths.tolist()
        seen["sign"] += (sign < 0.5).tolist()
        return images

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(automatic, "apply_drawn", spy)
        operation.apply(torch.zeros(count, 3, 2, 2, dtype=torch.uint8), drawn)
    for values, quantile in zip(seen.values(), (34.5, 59.7, 10.8), strict=True):
        counts = np.array(list(Counter(values).values()))
        expected = count / len(counts)
        assert ((counts - expected) ** 2 / expected).sum() < quantile
    assert set(seen["strength"]) == set(range(31))


@pytest.mark.parametrize("which", ["rand_augment", "trivial_augment"])
def test_pixel_statistics_are_distributed_as_in_torchvision(which, numbers):
    """Mean and second moment of each quarter of the image, within five standard errors."""
    ours, theirs = {
        "rand_augment": (RandAugment(), transforms.RandAugment()),
        "trivial_augment": (TrivialAugment(), transforms.TrivialAugmentWide()),
    }[which]
    count = 1200
    generator = torch.Generator().manual_seed(2)
    image = torch.randint(30, 200, (3, 12, 12), dtype=torch.uint8, generator=generator)
    first = ours.apply(image.expand(count, -1, -1, -1).contiguous(), numbers(ours, count))
    torch.manual_seed(0)
    second = torch.stack([theirs(image) for _ in range(count)])
    quarters = [torch.nn.functional.avg_pool2d(b.float(), 6) for b in (first, second)]
    for moment in (1, 2):
        one, other = (batch**moment for batch in quarters)
        error = ((one.var(0) + other.var(0)) / count).sqrt()
        assert (abs(one.mean(0) - other.mean(0)) < 5 * error).all()
