"""Augmentation of whole batches with randomness per sample.

A transform that draws once a batch gives every image the same crop and flip, a silent loss of
augmentation. Here each sample has its own numbers, a function of (seed, epoch, index), so that
the result is the same for any batch size, order or number of workers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft.seeding import uniforms

if TYPE_CHECKING:
    import torch

# Where each transform finds its numbers in a sample's row of uniforms.
_CROP, _FLIP, _ROTATION, _SCALE, _BRIGHTNESS, _CONTRAST, _ERASE = 0, 2, 3, 4, 5, 6, 7
_NUMBERS_PER_SAMPLE = 12


@dataclass(frozen=True)
class AugmentationPolicy:
    """What may happen to a training image; all off is the identity.

    Attributes:
        crop_padding: Pixels of zero padding before a crop of the old size at a random place
            (He et al. 2015, section 4.2).
        horizontal_flip: Mirror with probability one half.
        rotation: Largest rotation in degrees, either way.
        scale: Largest relative zoom, in or out.
        brightness: Largest relative change of brightness.
        contrast: Largest relative change of contrast about the image's mean.
        erasing: Probability that a rectangle of 2 to 20 % of the area is set to the image's mean
            (Zhong et al. 2017).
    """

    crop_padding: int = 0
    horizontal_flip: bool = False
    rotation: float = 0.0
    scale: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    erasing: float = 0.0

    @property
    def is_identity(self) -> bool:
        return self == AugmentationPolicy()


def augment(
    images: torch.Tensor, indices: torch.Tensor, policy: AugmentationPolicy, seed: int, epoch: int
) -> torch.Tensor:
    """Augment a batch, each sample on its own.

    Args:
        images: float32 (B, C, H, W) in [0, 1].
        indices: int64 (B,), the samples' positions in the image store.
        policy: What may happen.
        seed: The run's seed.
        epoch: The epoch, counted from 1.

    Returns:
        float32 (B, C, H, W) in [0, 1], on the same device.
    """
    if policy.is_identity:
        return images
    numbers = uniforms(seed, epoch, indices.to(images.device), _NUMBERS_PER_SAMPLE)
    if policy.crop_padding:
        images = _crop(images, numbers[:, _CROP : _CROP + 2], policy.crop_padding)
    if policy.horizontal_flip:
        mirrored = (numbers[:, _FLIP] < 0.5)[:, None, None, None]
        images = images.flip(-1).where(mirrored, images)
    if policy.rotation or policy.scale:
        images = _rotate_and_zoom(images, numbers, policy.rotation, policy.scale)
    if policy.brightness or policy.contrast:
        images = _change_light(images, numbers, policy.brightness, policy.contrast)
    if policy.erasing:
        images = _erase(images, numbers[:, _ERASE : _ERASE + 5], policy.erasing)
    return images


def _crop(images: torch.Tensor, numbers: torch.Tensor, padding: int) -> torch.Tensor:
    import torch
    import torch.nn.functional as F  # noqa: N812 - torch's own convention

    batch, channels, height, width = images.shape
    padded = F.pad(images, [padding] * 4)
    offsets = (numbers * (2 * padding + 1)).long()
    # Every window of the old size as a strided view; the gather copies one window a sample.
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    samples = torch.arange(batch, device=images.device)
    return windows[samples, :, offsets[:, 0], offsets[:, 1]].reshape(batch, channels, height, width)


def _rotate_and_zoom(
    images: torch.Tensor, numbers: torch.Tensor, rotation: float, scale: float
) -> torch.Tensor:
    import torch
    import torch.nn.functional as F  # noqa: N812 - torch's own convention

    angle = (2 * numbers[:, _ROTATION] - 1) * (rotation * torch.pi / 180)
    zoom = 1 / (1 + (2 * numbers[:, _SCALE] - 1) * scale)
    aspect = images.shape[-1] / images.shape[-2]
    theta = torch.zeros(len(images), 2, 3, device=images.device)
    theta[:, 0, 0] = theta[:, 1, 1] = zoom * angle.cos()
    # Normalised coordinates run from -1 to 1 on both axes, so a rotation needs the aspect ratio.
    theta[:, 0, 1] = -zoom * angle.sin() / aspect
    theta[:, 1, 0] = zoom * angle.sin() * aspect
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", align_corners=False)


def _change_light(
    images: torch.Tensor, numbers: torch.Tensor, brightness: float, contrast: float
) -> torch.Tensor:
    gain = 1 + (2 * numbers[:, _BRIGHTNESS] - 1) * brightness
    spread = 1 + (2 * numbers[:, _CONTRAST] - 1) * contrast
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    changed = (images - mean) * spread[:, None, None, None] + mean
    return (changed * gain[:, None, None, None]).clamp(0, 1)


def _erase(images: torch.Tensor, numbers: torch.Tensor, probability: float) -> torch.Tensor:
    import torch

    height, width = images.shape[-2:]
    area = (0.02 + 0.18 * numbers[:, 1]) * height * width
    ratio = torch.exp((2 * numbers[:, 2] - 1) * 1.2)  # from 0.3 to 3.3
    box_height = (area * ratio).sqrt().clamp(1, height)
    box_width = (area / ratio).sqrt().clamp(1, width)
    top = numbers[:, 3] * (height - box_height)
    left = numbers[:, 4] * (width - box_width)
    rows = torch.arange(height, device=images.device)[None, :]
    columns = torch.arange(width, device=images.device)[None, :]
    in_rows = (rows >= top[:, None]) & (rows < (top + box_height)[:, None])
    in_columns = (columns >= left[:, None]) & (columns < (left + box_width)[:, None])
    chosen = (numbers[:, 0] < probability)[:, None, None]
    erased = (in_rows[:, :, None] & in_columns[:, None, :] & chosen)[:, None]
    mean = images.mean(dim=(2, 3), keepdim=True)
    return mean.expand_as(images).where(erased, images)
