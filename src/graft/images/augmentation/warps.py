"""Rotation, zoom, shift and shear: one resampling about the image's centre."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from graft.images.augmentation.operation import (
    Pixels,
    between,
    check_any,
    check_choice,
    check_number,
)

if TYPE_CHECKING:
    import torch

INTERPOLATIONS = ("bilinear", "nearest")


@dataclass(frozen=True)
class Rotation:
    """A rotation about the centre; what comes in from outside is black.

    Attributes:
        degrees: Largest angle, either way.
        interpolation: "bilinear" or "nearest".
    """

    degrees: float
    interpolation: str = "bilinear"

    name: ClassVar[str] = "rotation"
    pixels: ClassVar[Pixels] = "floats"
    numbers: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_number(self, "degrees", 0, 180)
        check_choice(self, "interpolation", INTERPOLATIONS)

    def apply(self, images: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        # Counter-clockwise, as rotations are in torchvision.
        angle = between(-self.degrees, self.degrees, numbers[:, 0])
        return warp(images, inverse_affine(-angle), self.interpolation)


@dataclass(frozen=True)
class Affine:
    """Rotation, shift, zoom and shear at once; what comes in from outside is black.

    Attributes:
        degrees: Largest angle of rotation, either way.
        translate: Largest shift along each axis as a share of the side, either way; whole pixels.
        scale: Largest relative zoom: 0.1 is from 0.9 to 1.1 times the size.
        shear: Largest angle of a shear along the rows in degrees, either way.
        interpolation: "bilinear" or "nearest".
    """

    degrees: float = 0.0
    translate: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    interpolation: str = "bilinear"

    name: ClassVar[str] = "affine"
    pixels: ClassVar[Pixels] = "floats"
    numbers: ClassVar[int] = 5

    def __post_init__(self) -> None:
        check_number(self, "degrees", 0, 180)
        check_number(self, "translate", 0, 1)
        check_number(self, "scale", 0, 0.99)
        check_number(self, "shear", 0, 80)
        check_any(self, "degrees", "translate", "scale", "shear")
        check_choice(self, "interpolation", INTERPOLATIONS)

    def apply(self, images: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        height, width = images.shape[-2:]
        right, down = self.translate * width, self.translate * height
        inverse = inverse_affine(
            between(-self.degrees, self.degrees, numbers[:, 0]),
            right=between(-right, right, numbers[:, 1]).round(),
            down=between(-down, down, numbers[:, 2]).round(),
            scale=between(1 - self.scale, 1 + self.scale, numbers[:, 3]),
            shear=between(-self.shear, self.shear, numbers[:, 4]),
        )
        return warp(images, inverse, self.interpolation)


def inverse_affine(
    angle: torch.Tensor,
    *,
    right: torch.Tensor | float = 0.0,
    down: torch.Tensor | float = 0.0,
    scale: torch.Tensor | float = 1.0,
    shear: torch.Tensor | float = 0.0,
) -> torch.Tensor:
    """From a place in the new image to the place in the old one that it shows.

    The image is sheared, then rotated, zoomed and shifted.

    Args:
        angle: float64 (B,), degrees, clockwise.
        right: Pixels.
        down: Pixels.
        scale: Zoom; 2 makes things twice as large.
        shear: Degrees.

    Returns:
        float64 (B, 2, 3), for column vectors (x, y, 1) in pixels from the centre.
    """
    import torch

    zero = torch.zeros_like(angle)
    turn, lean = (zero + angle) * (math.pi / 180), (zero + shear) * (math.pi / 180)
    cos, sin, tan = turn.cos() / scale, turn.sin() / scale, lean.tan()
    a, b, c, d = cos - tan * sin, sin + tan * cos, -sin, cos
    x, y = -(a * right + b * down), -(c * right + d * down)
    return torch.stack([a, b, x, c, d, y], dim=-1).view(-1, 2, 3)


def about(inverse: torch.Tensor, x: float, y: float) -> torch.Tensor:
    """The same transform about another place than the centre, in pixels from it."""
    moved = inverse.clone()
    moved[:, 0, 2] += x - inverse[:, 0, 0] * x - inverse[:, 0, 1] * y
    moved[:, 1, 2] += y - inverse[:, 1, 0] * x - inverse[:, 1, 1] * y
    return moved


def warp(images: torch.Tensor, inverse: torch.Tensor, interpolation: str) -> torch.Tensor:
    """Resample each image by its own affine transform; black comes in from outside.

    Args:
        images: float32 (B, C, H, W).
        inverse: float64 (B, 2, 3) on the CPU, from new places to old ones (`inverse_affine`).
        interpolation: "bilinear" or "nearest".
    """
    import torch
    import torch.nn.functional as F

    height, width = images.shape[-2:]
    # Places run from -1 to 1 over each side. Written out, because the matrix products in torch's
    # own affine_grid round in another way when the batch has another size.
    per_side = inverse.new_tensor([[2 / width], [2 / height]])
    theta = (inverse * per_side).float().to(images.device)[:, :, :, None, None]
    x = torch.arange(width, device=images.device) - (width - 1) / 2
    y = (torch.arange(height, device=images.device) - (height - 1) / 2)[:, None]
    grid = torch.stack([row[:, 0] * x + row[:, 1] * y + row[:, 2] for row in theta.unbind(1)], -1)
    return F.grid_sample(images, grid, mode=interpolation, align_corners=False)
