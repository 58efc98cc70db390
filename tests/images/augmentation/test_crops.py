"""Crops and flips: torchvision's, drawn for each sample."""

import numpy as np
import pytest
import torch
from torchvision import transforms
from torchvision.transforms import functional as F

from graft.images.augmentation.crops import HorizontalFlip, RandomCrop, RandomResizedCrop
from graft.images.augmentation.rectangles import draw_rectangles


def drawn_box(operation, numbers, sides):
    """Top, left, height, width of each sample's window as plain numbers."""
    found = draw_rectangles(numbers, sides, operation.area, operation.aspect)
    boxes = torch.stack(found.centred_where_none(sides, operation.aspect), dim=1)
    return boxes.long().tolist()


def ramps(count: int, side: int) -> torch.Tensor:
    """uint8 images that tell where each pixel comes from: red the row, green the column, plus 1."""
    image = torch.zeros(3, side, side, dtype=torch.uint8)
    image[0] = torch.arange(1, side + 1)[:, None]
    image[1] = torch.arange(1, side + 1)
    return image.expand(count, -1, -1, -1).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("crop", [RandomCrop(padding=3, fill=255), RandomCrop(2, 0.7)], ids=str)
def test_crops_are_windows_of_the_padded_image(images, numbers, crop, dtype):
    images = images if dtype == torch.uint8 else images / 255
    drawn = numbers(crop, len(images))
    out = crop.apply(images, drawn)
    height, width = round(crop.share * 24), round(crop.share * 20)
    for sample, source, (u, v) in zip(out, images, drawn.tolist(), strict=True):
        padded = F.pad(source, crop.padding, fill=crop.fill / (1 if dtype == torch.uint8 else 255))
        top = int(u * (padded.shape[1] - height + 1))
        left = int(v * (padded.shape[2] - width + 1))
        assert torch.equal(sample, F.crop(padded, top, left, height, width))
    assert out.dtype == dtype


def test_a_crop_of_four_fifths_of_180_pixels_has_144():
    """The flowers report, whose layer sizes hold for crops of 144 only."""
    images = torch.zeros(2, 3, 180, 180, dtype=torch.uint8)
    assert RandomCrop(share=0.8).apply(images, torch.rand(2, 2).double()).shape[-2:] == (144, 144)


def test_all_places_of_a_crop_are_equally_likely_as_in_torchvision(numbers):
    """Chi-square over the 25 places; 51.2 is the 0.999 quantile with 24 degrees of freedom."""
    count, padding, side = 5000, 2, 8
    crop = RandomCrop(padding=padding)
    ours = crop.apply(ramps(count, side), numbers(crop, count))
    torch.manual_seed(0)
    reference = transforms.RandomCrop(side, padding=padding)
    theirs = torch.stack([reference(image) for image in ramps(count, side)])
    for cropped in (ours, theirs):
        # The middle pixel is never padding: it tells the offsets.
        places = cropped[:, :2, 4, 4].long() - (5 - padding)
        seen = np.bincount((places[:, 0] * (2 * padding + 1) + places[:, 1]).numpy(), minlength=25)
        assert ((seen - count / 25) ** 2 / (count / 25)).sum() < 51.2


@pytest.mark.parametrize("probability", [0.5, 0.1])
def test_so_many_images_are_mirrored(numbers, probability):
    flip = HorizontalFlip(probability)
    count = 4000
    images = ramps(count, 4)
    out = flip.apply(images, numbers(flip, count))
    mirrored = out[:, 1, 0, 0] == 4
    assert torch.equal(out[mirrored], images[mirrored].flip(-1))
    assert torch.equal(out[~mirrored], images[~mirrored])
    # Four standard deviations of the share.
    deviation = (probability * (1 - probability) / count) ** 0.5
    assert abs(mirrored.float().mean().item() - probability) < 4 * deviation


def test_resized_crops_are_those_of_torchvision(images, numbers):
    crop = RandomResizedCrop()
    drawn = numbers(crop, len(images))
    floats = images.float() / 255
    out = crop.apply(floats, drawn)
    boxes = drawn_box(crop, drawn, (24, 20))
    assert len({tuple(box) for box in boxes}) > 20
    for sample, source, box in zip(out, floats, boxes, strict=True):
        expected = F.resized_crop(source, *box, size=[24, 20], antialias=True)
        torch.testing.assert_close(sample, expected, rtol=0, atol=2e-5)


def test_the_windows_of_resized_crops_are_distributed_as_in_torchvision(numbers):
    """Means of place and size within five standard errors of the difference."""
    count, side = 4000, 32
    crop = RandomResizedCrop(area=(0.2, 1.0), aspect=(0.5, 2.0))
    ours = np.array(drawn_box(crop, numbers(crop, count), (side, side)), dtype=float)
    torch.manual_seed(0)
    image = torch.zeros(3, side, side)
    get_params = transforms.RandomResizedCrop.get_params
    theirs = np.array([get_params(image, [0.2, 1.0], [0.5, 2.0]) for _ in range(count)], float)
    for moment in (1, 2):
        first, second = ours**moment, theirs**moment
        error = np.sqrt((first.var(axis=0) + second.var(axis=0)) / count)
        assert (abs(first.mean(axis=0) - second.mean(axis=0)) < 5 * error).all()


def test_where_no_window_fits_the_largest_in_the_middle_is_taken(numbers):
    crop = RandomResizedCrop(area=(1.0, 1.0), aspect=(3.0, 4.0))
    boxes = drawn_box(crop, numbers(crop, 3), (30, 30))
    assert boxes == [[10, 0, 10, 30]] * 3
    tall = RandomResizedCrop(area=(1.0, 1.0), aspect=(0.25, 0.5))
    assert drawn_box(tall, numbers(tall, 1), (30, 30)) == [[0, 7, 30, 15]]
