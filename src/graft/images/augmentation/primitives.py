"""The operations that RandAugment and TrivialAugment draw from, on whole batches of bytes.

They compute what torchvision's functions of the same names compute for one uint8 image, rounding
included. Each takes uint8 (B, 3, H, W) and the samples' magnitudes, float64 (B,) on the CPU, and
returns new bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from graft.images.augmentation.colour import grey
from graft.images.augmentation.operation import exact_mean
from graft.images.augmentation.warps import about, inverse_affine, warp

if TYPE_CHECKING:
    import torch

    Primitive = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def shear_x(images: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
    """Rows move by `magnitudes` pixels for each pixel down, about the upper left corner."""
    degrees = magnitudes.atan() * (180 / math.pi)
    return _warp_about_corner(images, inverse_affine(magnitudes * 0, shear=degrees))


def shear_y(images: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
    """Columns move by `magnitudes` pixels for each pixel to the right, about the same corner."""
    inverse = inverse_affine(magnitudes * 0)
    inverse[:, 1, 0] = magnitudes
    return _warp_about_corner(images, inverse)


def translate_x(images: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
    """Shift to the right by whole pixels."""
    return _warp(images, inverse_affine(magnitudes * 0, right=magnitudes.trunc()))


def translate_y(images: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
    """Shift down by whole pixels."""
    return _warp(images, inverse_affine(magnitudes * 0, down=magnitudes.trunc()))


def rotate(images: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
    """Turn counter-clockwise by degrees."""
    return _warp(images, inverse_affine(-magnitudes))


def brightness(images: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
    """Values times 1 + magnitude."""
    return _blend(images, images.new_zeros(()), magnitudes)


def color(images: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
    """Distances to each pixel's grey times 1 + magnitude."""
    return _blend(images, grey(images).byte(), magnitudes)


def contrast(images: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
    """Distances to the image's mean grey times 1 + magnitude."""
    return _blend(images, exact_mean(grey(images).byte(), (1, 2, 3)), magnitudes)


def sharpness(images: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
    """Distances to the smoothed image times 1 + magnitude; the outermost pixels stay."""
    if min(images.shape[-2:]) <= 2:
        return images.clone()
    wide = images.int()
    columns = wide[..., :-2] + wide[..., 1:-1] + wide[..., 2:]
    box = columns[..., :-2, :] + columns[..., 1:-1, :] + columns[..., 2:, :]
    # Weights of 1 around a 5, thirteen in all; whole numbers, rounded to the nearest.
    weighted = box + 4 * wide[..., 1:-1, 1:-1]
    smooth = images.clone()
    smooth[..., 1:-1, 1:-1] = ((2 * weighted + 13) // 26).byte()
    return _blend(images, smooth, magnitudes)


def posterize(images: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
    """Keep the first so many of the eight bits."""
    kept = (256 - 2 ** (8 - magnitudes.trunc())).byte().to(images.device)
    return images & kept[:, None, None, None]


def solarize(images: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
    """Invert what is at least as bright as the magnitude."""
    import torch

    thresholds = magnitudes.float().to(images.device)[:, None, None, None]
    return torch.where(images >= thresholds, 255 - images, images)


def autocontrast(images: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
    """Stretch each channel to the whole range; no magnitude."""
    import torch

    low = images.amin((2, 3), keepdim=True).float()
    high = images.amax((2, 3), keepdim=True).float()
    flat = low == high
    scale = 255 / torch.where(flat, 255.0, high - low)
    return ((images - torch.where(flat, 0.0, low)) * scale).clamp_(0, 255).byte()


def equalize(images: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
    """Spread each channel's values so that all are about equally frequent; no magnitude."""
    import torch

    values = images.flatten(2).flatten(0, 1).long()  # a row for each channel of each image
    counts = values.new_zeros(len(values), 256).scatter_add_(1, values, torch.ones_like(values))
    of_largest = counts.gather(1, values.amax(1, keepdim=True))
    step = (values.shape[1] - of_largest).div(255, rounding_mode="floor")
    divisor = step.clamp(min=1)
    below = counts.cumsum(1) - counts
    table = (below + divisor // 2).div(divisor, rounding_mode="floor").clamp_(max=255)
    spread = torch.where(step > 0, table, torch.arange(256, device=images.device))
    return spread.gather(1, values).byte().view(images.shape)


def _warp(images: torch.Tensor, inverse: torch.Tensor) -> torch.Tensor:
    return warp(images.float(), inverse, "nearest").byte()


def _warp_about_corner(images: torch.Tensor, inverse: torch.Tensor) -> torch.Tensor:
    height, width = images.shape[-2:]
    return _warp(images, about(inverse, -width / 2, -height / 2))


def _blend(images: torch.Tensor, other: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
    """From `other` (magnitude -1) to the image (0) and beyond, cut off to whole values."""
    factors = 1 + magnitudes
    # Both weights are rounded to float32 from float64: half a bit decides what is cut off.
    own, others = (
        weight.float().to(images.device)[:, None, None, None] for weight in (factors, 1 - factors)
    )
    return (own * images + others * other).clamp_(0, 255).byte()
