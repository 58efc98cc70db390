"""Brightness, contrast, saturation and hue, each sample by its own factors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations
from math import factorial
from typing import TYPE_CHECKING, ClassVar

from graft.images.augmentation.operation import (
    Pixels,
    between,
    check_any,
    check_number,
    exact_mean,
)

if TYPE_CHECKING:
    import torch

    Adjustment = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

# ITU-R BT.601 as torchvision rounds it.
_RED, _GREEN, _BLUE = 0.2989, 0.587, 0.114


@dataclass(frozen=True)
class ColorJitter:
    """Changes of light and colour in random order (Howard 2013; torchvision's ColorJitter).

    Attributes:
        brightness: Largest relative change of all values.
        contrast: Largest relative change of the distance to the image's mean grey.
        saturation: Largest relative change of the distance to each pixel's own grey.
        hue: Largest turn of the hue, as a share of the colour circle; at most 0.5, half of it.
    """

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0

    name: ClassVar[str] = "color_jitter"
    pixels: ClassVar[Pixels] = "floats"
    numbers: ClassVar[int] = 5

    def __post_init__(self) -> None:
        for field in ("brightness", "contrast", "saturation"):
            check_number(self, field, 0, 1)
        check_number(self, "hue", 0, 0.5)
        check_any(self, "brightness", "contrast", "saturation", "hue")

    def apply(self, images: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        chosen = self._adjustments()
        order = (numbers[:, 4] * factorial(len(chosen))).long()
        orders = list(permutations(range(len(chosen))))
        for step in range(len(chosen)):
            turn = numbers.new_tensor([steps[step] for steps in orders]).long()[order]
            changed = images.clone()
            for position, (adjust, column, low, high) in enumerate(chosen):
                rows = (turn == position).nonzero()[:, 0]
                factors = between(low, high, numbers[rows, column]).float().to(images.device)
                rows = rows.to(images.device)
                changed[rows] = adjust(images[rows], factors)
            images = changed
        return images

    def _adjustments(self) -> list[tuple[Adjustment, int, float, float]]:
        """What is changed, where its number stands, and between which factors it lies."""
        possible: list[tuple[Adjustment, float, float, float]] = [
            (adjust_brightness, self.brightness, 1 - self.brightness, 1 + self.brightness),
            (adjust_contrast, self.contrast, 1 - self.contrast, 1 + self.contrast),
            (adjust_saturation, self.saturation, 1 - self.saturation, 1 + self.saturation),
            (adjust_hue, self.hue, -self.hue, self.hue),
        ]
        return [
            (adjust, column, low, high)
            for column, (adjust, magnitude, low, high) in enumerate(possible)
            if magnitude
        ]


def adjust_brightness(images: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Multiply by float32 (B,), within [0, 1]; images float32 (B, 3, H, W), as below."""
    return (images * factors[:, None, None, None]).clamp_(0, 1)


def adjust_contrast(images: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Stretch the distances to each image's mean grey by float32 (B,)."""
    return _stretch(images, exact_mean(grey(images), (1, 2, 3)), factors)


def adjust_saturation(images: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Stretch the distances to each pixel's grey by float32 (B,); 0 leaves none of the colour."""
    return _stretch(images, grey(images), factors)


def adjust_hue(images: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """Turn hues by float32 (B,) in [-0.5, 0.5] of the circle; value and saturation stay."""
    import torch

    red, green, blue = images.unbind(1)
    value = images.amax(1)
    chroma = value - images.amin(1)
    divisor = torch.where(chroma == 0, 1.0, chroma)
    # In sixths of the circle, from red over green to blue.
    hue = torch.where(
        value == red,
        (green - blue) / divisor,
        torch.where(value == green, 2 + (blue - red) / divisor, 4 + (red - green) / divisor),
    )
    hue = hue + 6 * turns[:, None, None]
    # Each channel falls below the value by as much of the chroma as its distance from its own
    # sector of the circle says (the closed form of the usual six cases).
    channels = []
    for offset in (5.0, 3.0, 1.0):
        sector = (hue + offset).remainder(6)
        channels.append(value - chroma * sector.minimum(4 - sector).clamp_(0, 1))
    return torch.stack(channels, dim=1)


def grey(images: torch.Tensor) -> torch.Tensor:
    """Luminance (B, 1, H, W) of floats (B, 3, H, W)."""
    red, green, blue = images.unbind(1)
    return (_RED * red + _GREEN * green + _BLUE * blue)[:, None]


def _stretch(images: torch.Tensor, middle: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    factors = factors[:, None, None, None]
    return (factors * images + (1 - factors) * middle).clamp_(0, 1)
