"""Random erasing: torchvision's, drawn for each sample."""

import numpy as np
import pytest
import torch
from torchvision import transforms
from torchvision.transforms import functional as F

from graft.images.augmentation.erasing import RandomErasing
from graft.images.augmentation.rectangles import draw_rectangles


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("fill", [0, 77, "mean"])
def test_erased_rectangles_are_those_of_torchvision(images, numbers, fill, dtype):
    images = images if dtype == torch.uint8 else images.float() / 255
    erasing = RandomErasing(probability=0.7, fill=fill)
    drawn = numbers(erasing, len(images))
    boxes = draw_rectangles(drawn[:, 1:], (24, 20), erasing.area, erasing.aspect, smaller=True)
    assert boxes.fits.all()
    places = torch.stack([boxes.top, boxes.left, boxes.height, boxes.width], 1).long().tolist()
    out = erasing.apply(images, drawn)
    erased = 0
    for sample, source, u, place in zip(out, images, drawn[:, 0].tolist(), places, strict=True):
        expected = source
        if u < 0.7:
            erased += 1
            value = source.double().mean((1, 2)) if fill == "mean" else torch.tensor(float(fill))
            if dtype == torch.uint8:
                value = value.round()
            elif fill != "mean":
                value = value / 255
            expected = F.erase(source, *place, v=value.to(dtype).reshape(-1, 1, 1))
        torch.testing.assert_close(sample, expected, rtol=0, atol=1e-5)
    assert 0 < erased < len(images)


def test_erased_areas_and_places_are_distributed_as_in_torchvision():
    """How often each of 8 x 8 cells is erased, and the second moment of the erased share."""
    count, side = 3000, 16
    images = torch.ones(count, 3, side, side)
    erasing = RandomErasing(probability=0.5, fill=0)
    numbers = torch.rand(count, erasing.numbers, generator=torch.Generator().manual_seed(0))
    ours = erasing.apply(images, numbers.double())
    torch.manual_seed(0)
    reference = transforms.RandomErasing(0.5)
    theirs = torch.stack([reference(image) for image in images])
    gone = [1 - batch[:, 0] for batch in (ours, theirs)]
    cells = [torch.nn.functional.avg_pool2d(batch, 2) for batch in gone]
    error = ((cells[0].var(0) + cells[1].var(0)) / count).sqrt()
    assert (abs(cells[0].mean(0) - cells[1].mean(0)) < 5 * error).all()
    shares = [batch.mean((1, 2)).numpy() ** 2 for batch in gone]
    error = np.sqrt((shares[0].var() + shares[1].var()) / count)
    assert abs(shares[0].mean() - shares[1].mean()) < 5 * error


def test_where_nothing_fits_the_image_stays_whole(images, numbers):
    erasing = RandomErasing(probability=1.0, area=(1.0, 1.0))
    assert torch.equal(erasing.apply(images, numbers(erasing, len(images))), images)
