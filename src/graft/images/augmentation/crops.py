"""Crops and flips: the hot path of training on small images.

Padding, crops of a fixed size and flips move bytes and change none, so they take uint8 as it lies
in the image store, a quarter of the traffic that floats would be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from graft.images.augmentation.operation import (
    Pixels,
    check_any,
    check_interval,
    check_number,
    check_whole,
)
from graft.images.augmentation.rectangles import draw_rectangles, numbers_for_rectangles

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class RandomCrop:
    """A window of fixed size at a random place (He et al. 2015, section 4.2).

    Attributes:
        padding: Pixels added on every side beforehand.
        share: Height and width of the window as a share of the image's, rounded to pixels; below
            one, training images are smaller than stored ones.
        fill: Value of the padding, 0 (black) to 255.
    """

    padding: int = 0
    share: float = 1.0
    fill: int = 0

    name: ClassVar[str] = "random_crop"
    pixels: ClassVar[Pixels] = "either"
    numbers: ClassVar[int] = 2

    def __post_init__(self) -> None:
        check_whole(self, "padding", 0)
        check_number(self, "share", 0.05, 1)
        check_whole(self, "fill", 0, 255)
        check_any(self, "padding", "share")

    def apply(self, images: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        height, width = (max(1, round(self.share * side)) for side in images.shape[-2:])
        padded = self._pad(images)
        rooms = (padded.shape[1] - height + 1, padded.shape[2] - width + 1)
        places = (numbers * numbers.new_tensor(rooms)).long().to(images.device)
        return _windows(padded, places, height, width).permute(0, 3, 1, 2)

    def _pad(self, images: torch.Tensor) -> torch.Tensor:
        """Padded images (B, H, W, C), contiguous."""
        batch, channels, height, width = images.shape
        pad = self.padding
        shape = (batch, height + 2 * pad, width + 2 * pad, channels)
        padded = images.new_full(
            shape, self.fill / 255 if images.is_floating_point() else self.fill
        )
        padded[:, pad : pad + height, pad : pad + width] = images.permute(0, 2, 3, 1)
        return padded


@dataclass(frozen=True)
class RandomResizedCrop:
    """A window of random area and aspect, stretched to the image's size (Szegedy et al. 2014).

    As torchvision's: ten tries to fit a window, then the middle of the image. Bilinear; a window is
    never larger than the image, so nothing is made smaller and antialiasing has nothing to do.

    Attributes:
        area: Least and largest share of the image's area.
        aspect: Least and largest ratio of width to height.
    """

    area: tuple[float, float] = (0.08, 1.0)
    aspect: tuple[float, float] = (3 / 4, 4 / 3)

    name: ClassVar[str] = "random_resized_crop"
    pixels: ClassVar[Pixels] = "floats"
    numbers: ClassVar[int] = numbers_for_rectangles()

    def __post_init__(self) -> None:
        check_interval(self, "area", 0.001, 1)
        check_interval(self, "aspect", 0.05, 20)

    def apply(self, images: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        import torch
        import torch.nn.functional as F

        sides = (images.shape[-2], images.shape[-1])
        found = draw_rectangles(numbers, sides, self.area, self.aspect)
        top, left, box_height, box_width = found.centred_where_none(sides, self.aspect)
        axes = []
        for start, length, side in ((left, box_width, sides[1]), (top, box_height, sides[0])):
            centres = (torch.arange(side) + 0.5) * (length / side)[:, None]
            # What lies outside of the window must not bleed in.
            centres = centres.clamp(min=0.5).minimum(length[:, None] - 0.5)
            axes.append(2 * (start[:, None] + centres) / side - 1)
        x, y = (axis.float().to(images.device) for axis in axes)
        grid = torch.stack(
            [x[:, None, :].expand(-1, sides[0], -1), y[:, :, None].expand(-1, -1, sides[1])], dim=-1
        )
        return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


@dataclass(frozen=True)
class HorizontalFlip:
    """The mirror image, left for right.

    Attributes:
        probability: How often.
    """

    probability: float = 0.5

    name: ClassVar[str] = "horizontal_flip"
    pixels: ClassVar[Pixels] = "either"
    numbers: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_number(self, "probability", 0, 1)

    def apply(self, images: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        import torch

        mirrored = (numbers[:, 0] < self.probability).nonzero()[:, 0]
        place = torch.arange(len(images))
        place[mirrored] = len(images) + torch.arange(len(mirrored))
        mirrored, place = mirrored.to(images.device), place.to(images.device)
        # Mirror images behind the images, then a choice of whole images: three times faster than
        # writing the mirror images into their places.
        lines = images.permute(0, 2, 3, 1)
        both = torch.cat([lines, lines.index_select(0, mirrored).flip(2)])
        return both.index_select(0, place).permute(0, 3, 1, 2)


def _windows(images: torch.Tensor, places: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """One window of each image.

    Args:
        images: (B, H, W, C), contiguous.
        places: int64 (B, 2), the windows' top and left.
        height: Of a window.
        width: Of a window.

    Returns:
        (B, height, width, C), contiguous.
    """
    import torch

    batch, rows, columns, channels = images.shape
    # A window's row is a run of memory. Seen as all the runs of that length, which overlap, the
    # batch needs one gather of whole runs: four times faster than indexing pixel by pixel.
    runs = images.flatten().unfold(0, width * channels, 1)
    sample = torch.arange(batch, device=images.device)[:, None] * rows
    row = sample + places[:, :1] + torch.arange(height, device=images.device)
    starts = (row * columns + places[:, 1:]) * channels
    return runs.index_select(0, starts.flatten()).view(batch, height, width, channels)
