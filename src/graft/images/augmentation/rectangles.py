"""Rectangles of random area and aspect inside an image, for crops and for erasing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft.images.augmentation.operation import between

if TYPE_CHECKING:
    import torch

TRIES = 10  # as torchvision


def numbers_for_rectangles() -> int:
    """Uniform numbers for a sample: area and aspect of each try, and the place."""
    return 2 * TRIES + 2


@dataclass(frozen=True)
class Rectangles:
    """A rectangle for each sample, in pixels, float64 (B,) of whole numbers on the CPU.

    Attributes:
        top: First row.
        left: First column.
        height: Rows.
        width: Columns.
        fits: bool (B,); where no try fitted, the others mean nothing.
    """

    top: torch.Tensor
    left: torch.Tensor
    height: torch.Tensor
    width: torch.Tensor
    fits: torch.Tensor

    def centred_where_none(
        self, sides: tuple[int, int], aspect: tuple[float, float]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Top, left, height, width, where no try fitted the largest in the middle."""
        import torch

        height, width = sides
        if width / height < aspect[0]:
            height = round(width / aspect[0])
        elif width / height > aspect[1]:
            width = round(height * aspect[1])
        middle = ((sides[0] - height) // 2, (sides[1] - width) // 2, height, width)
        drawn = (self.top, self.left, self.height, self.width)
        top, left, box_height, box_width = (
            torch.where(self.fits, value, float(fallback))
            for value, fallback in zip(drawn, middle, strict=True)
        )
        return top, left, box_height, box_width


def draw_rectangles(
    numbers: torch.Tensor,
    sides: tuple[int, int],
    area: tuple[float, float],
    aspect: tuple[float, float],
    *,
    smaller: bool = False,
) -> Rectangles:
    """The first of ten tries that fits into the image, as torchvision draws them.

    Args:
        numbers: float64 (B, 22) in [0, 1).
        sides: Height and width of the image.
        area: Least and largest share of the image's area, uniform between them.
        aspect: Least and largest ratio of width to height, log-uniform between them.
        smaller: Whether both sides have to be smaller than the image's, as erasing wants it.
    """
    areas = between(*area, numbers[:, :TRIES]) * (sides[0] * sides[1])
    logs = between(math.log(aspect[0]), math.log(aspect[1]), numbers[:, TRIES : 2 * TRIES])
    ratios = logs.exp()
    heights, widths = (areas / ratios).sqrt().round(), (areas * ratios).sqrt().round()
    limits = (sides[0] - smaller, sides[1] - smaller)
    fitting = (heights >= 1) & (widths >= 1) & (heights <= limits[0]) & (widths <= limits[1])
    first = fitting.int().argmax(dim=1, keepdim=True)
    height, width = (sizes.gather(1, first)[:, 0] for sizes in (heights, widths))
    return Rectangles(
        top=(numbers[:, -2] * (sides[0] - height + 1)).floor(),
        left=(numbers[:, -1] * (sides[1] - width + 1)).floor(),
        height=height,
        width=width,
        fits=fitting.any(dim=1),
    )
