"""Rotation and affine transforms: torchvision's for one image, drawn for each sample."""

import pytest
import torch
from torchvision import transforms
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

from graft.images.augmentation.warps import Affine, Rotation

MODES = {"bilinear": InterpolationMode.BILINEAR, "nearest": InterpolationMode.NEAREST}


def assert_same_picture(found, expected, interpolation):
    """Equal up to rounding; a nearest pixel may be another one where two are equally near."""
    if interpolation == "bilinear":
        torch.testing.assert_close(found, expected, rtol=0, atol=2e-4)
    else:
        assert (found != expected).any(0).float().mean() < 0.01


@pytest.mark.parametrize("interpolation", MODES)
def test_rotations_are_those_of_torchvision(images, numbers, interpolation):
    rotation = Rotation(degrees=60, interpolation=interpolation)
    drawn = numbers(rotation, len(images))
    floats = images.float() / 255
    for sample, source, (u,) in zip(
        rotation.apply(floats, drawn), floats, drawn.tolist(), strict=True
    ):
        expected = F.rotate(source, -60 + 120 * u, interpolation=MODES[interpolation])
        assert_same_picture(sample, expected, interpolation)


@pytest.mark.parametrize("interpolation", MODES)
def test_affine_transforms_are_those_of_torchvision(images, numbers, interpolation):
    affine = Affine(degrees=40, translate=0.2, scale=0.3, shear=20, interpolation=interpolation)
    drawn = numbers(affine, len(images))
    floats = images.float() / 255
    for sample, source, row in zip(
        affine.apply(floats, drawn), floats, (2 * drawn - 1).tolist(), strict=True
    ):
        expected = F.affine(
            source,
            angle=40 * row[0],
            translate=[round(0.2 * 20 * row[1]), round(0.2 * 24 * row[2])],
            scale=1 + 0.3 * row[3],
            shear=[20 * row[4], 0.0],
            interpolation=MODES[interpolation],
        )
        assert_same_picture(sample, expected, interpolation)


def test_a_quarter_turn_is_exact():
    """A half of a whole turn and back: on a square image no pixel is between two."""
    images = torch.rand(1, 3, 8, 8)
    turned = Rotation(degrees=90).apply(images, torch.ones(1, 1).double())
    torch.testing.assert_close(turned, images.rot90(1, (-2, -1)), rtol=0, atol=1e-5)


def test_rotation_keeps_shapes_on_oblong_images(numbers):
    """A quarter turn of a non-square picture keeps pixels square (no shear)."""
    picture = torch.zeros(200, 1, 20, 40)
    picture[:, :, 9:11, 10:30] = 1  # a horizontal bar of 20 pixels
    rotation = Rotation(degrees=90)
    out = rotation.apply(picture, numbers(rotation, 200))
    torch.testing.assert_close(out.sum((1, 2, 3)).median(), picture[0].sum(), rtol=0.06, atol=0)


def test_pixel_statistics_are_distributed_as_in_torchvision(numbers):
    """Mean and second moment of a corner's brightness, within five standard errors."""
    count = 1500
    image = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(1))
    affine = Affine(degrees=45, translate=0.25, scale=0.2, shear=10)
    ours = affine.apply(image.expand(count, -1, -1, -1), numbers(affine, count))
    torch.manual_seed(0)
    reference = transforms.RandomAffine(
        45, translate=(0.25, 0.25), scale=(0.8, 1.2), shear=10, interpolation=MODES["bilinear"]
    )
    theirs = torch.stack([reference(image) for _ in range(count)])
    corners = [batch[:, :, :4, :4].mean((1, 2, 3)) for batch in (ours, theirs)]
    for moment in (1, 2):
        first, second = (corner**moment for corner in corners)
        error = ((first.var() + second.var()) / count).sqrt()
        assert abs(first.mean() - second.mean()) < 5 * error
