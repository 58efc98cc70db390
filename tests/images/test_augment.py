"""Augmentation is per sample, seeded, and the same in any batch."""

import pytest
import torch

from graft.images.augment import AugmentationPolicy, augment

EVERYTHING = AugmentationPolicy(
    crop_padding=4,
    horizontal_flip=True,
    rotation=15.0,
    scale=0.1,
    brightness=0.2,
    contrast=0.2,
    erasing=0.5,
)


@pytest.fixture
def images():
    return torch.rand(64, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def test_the_batch_that_a_sample_comes_in_changes_nothing(images):
    indices = torch.arange(64)
    together = augment(images, indices, EVERYTHING, seed=5, epoch=2)
    order = torch.randperm(64, generator=torch.Generator().manual_seed(1))
    shuffled = augment(images[order], indices[order], EVERYTHING, seed=5, epoch=2)
    alone = torch.cat(
        [augment(images[i : i + 1], indices[i : i + 1], EVERYTHING, 5, 2) for i in range(64)]
    )
    assert torch.equal(together[order], shuffled)
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "policy",
    [
        AugmentationPolicy(crop_padding=4),
        AugmentationPolicy(rotation=20.0),
        AugmentationPolicy(scale=0.3),
        AugmentationPolicy(brightness=0.5),
        AugmentationPolicy(contrast=0.5),
        AugmentationPolicy(erasing=1.0),
    ],
    ids=lambda policy: str(policy),
)
def test_samples_of_a_batch_differ_from_each_other(images, policy):
    same = images[:1].expand(32, -1, -1, -1).contiguous()
    out = augment(same, torch.arange(32), policy, seed=0, epoch=1)
    assert len({tuple(sample.flatten().tolist()) for sample in out}) > 16
    assert out.shape == same.shape
    assert out.min() >= 0
    assert out.max() <= 1


def test_epochs_and_seeds_differ(images):
    first = augment(images, torch.arange(64), EVERYTHING, seed=0, epoch=1)
    assert not torch.equal(first, augment(images, torch.arange(64), EVERYTHING, 0, 2))
    assert not torch.equal(first, augment(images, torch.arange(64), EVERYTHING, 1, 1))


def test_the_empty_policy_is_the_identity(images):
    assert augment(images, torch.arange(64), AugmentationPolicy(), 0, 1) is images


def test_crops_are_windows_of_the_padded_image(images):
    padding = 2
    out = augment(images, torch.arange(64), AugmentationPolicy(crop_padding=padding), 0, 1)
    padded = torch.nn.functional.pad(images, [padding] * 4)
    offsets = set()
    for sample, source in zip(out, padded, strict=True):
        found = [
            (top, left)
            for top in range(2 * padding + 1)
            for left in range(2 * padding + 1)
            if torch.equal(sample, source[:, top : top + 16, left : left + 16])
        ]
        assert len(found) == 1
        offsets.update(found)
    assert len(offsets) > 15, "64 samples should meet most of the 25 windows"


def test_half_of_the_images_are_mirrored():
    ramp = torch.linspace(0, 1, 8).expand(1000, 3, 8, 8).contiguous()
    out = augment(ramp, torch.arange(1000), AugmentationPolicy(horizontal_flip=True), 0, 1)
    mirrored = (out[:, 0, 0, 0] > 0.5).sum().item()
    assert 430 < mirrored < 570
    assert torch.equal(out.sort(-1).values, ramp)


def test_rotation_is_right_way_round_on_oblong_images():
    """A quarter turn of a non-square picture keeps pixels square (no shear)."""
    picture = torch.zeros(200, 1, 20, 40)
    picture[:, :, 9:11, 10:30] = 1  # a horizontal bar of 20 pixels
    out = augment(picture, torch.arange(200), AugmentationPolicy(rotation=90.0), 0, 1)
    torch.testing.assert_close(out.sum((1, 2, 3)).median(), picture[0].sum(), rtol=0.06, atol=0)
