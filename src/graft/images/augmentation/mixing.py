"""MixUp and CutMix: two images and their labels in one.

The partner of a sample does not come from its batch but from the whole epoch, by counter, so that
what a sample looks like is no matter of the batch that it comes in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft.seeding import derive_seed, uniforms

if TYPE_CHECKING:
    import torch

_NUMBERS = 6  # partner (two, for more digits), share, centre of the box, which of the two


@dataclass(frozen=True)
class Mixing:
    """How samples are mixed; all on the CPU.

    Attributes:
        partner: int64 (B,), places in the epoch, from 0 to its length minus one.
        share: float64 (B,) in [0, 1], the sample's own share, Beta(alpha, alpha).
        centre: float64 (B, 2) in [0, 1), row and column of the box's centre.
        cuts: bool (B,), whether a box is cut (CutMix) or everything blended (MixUp).
    """

    partner: torch.Tensor
    share: torch.Tensor
    centre: torch.Tensor
    cuts: torch.Tensor

    def of(self, places: torch.Tensor) -> Mixing:
        """That of some samples only."""
        return Mixing(
            self.partner[places], self.share[places], self.centre[places], self.cuts[places]
        )


def draw_mixing(
    indices: torch.Tensor, length: int, mixup: float, cutmix: float, seed: int, epoch: int
) -> Mixing:
    """Draw partners, shares and boxes; a function of (seed, epoch, index).

    Args:
        indices: int64 (B,) on the CPU, the samples' positions in the image store.
        length: How many samples the epoch has; partners are drawn from all of them.
        mixup: Alpha of MixUp, 0 for none.
        cutmix: Alpha of CutMix, 0 for none; one of the two is above 0.
        seed: The run's seed.
        epoch: The epoch, counted from 1.
    """
    import torch
    from scipy.special import betaincinv

    numbers = uniforms(derive_seed(seed, "mixing"), epoch, indices, _NUMBERS).double()
    # A number has 24 bits, too few to reach all of many images equally often.
    place = (numbers[:, 0] + numbers[:, 1] * 2.0**-24) * length
    cuts = numbers[:, 5] < (0.5 if mixup and cutmix else float(cutmix > 0))
    # Inverting the distribution takes one number a sample, rejection any number of them.
    alphas = torch.where(cuts, cutmix, mixup).double().numpy()
    share = torch.from_numpy(betaincinv(alphas, alphas, numbers[:, 2].numpy()))
    return Mixing(place.long(), share, numbers[:, 3:5], cuts)


def mix_images(
    own: torch.Tensor, other: torch.Tensor, mixing: Mixing
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mix each image with its partner.

    Args:
        own: float32 (B, 3, H, W).
        other: The partners, likewise.
        mixing: For these B samples.

    Returns:
        The mixed images, and float32 (B,), on their device: the share of each that is its own,
        which is the share of the area where a box is cut.
    """
    import torch

    height, width = own.shape[-2:]
    theirs, box_share = _boxes(mixing, height, width)
    share = torch.where(mixing.cuts, 1 - box_share, mixing.share).float()
    weights = torch.where(mixing.cuts[:, None, None], 1 - theirs, share[:, None, None])
    weights, share = weights[:, None].to(own.device), share.to(own.device)
    # Not a lerp, whose rounding may leave [0, 1]; where weights are 0 or 1 this is exact.
    return weights * own + (1 - weights) * other, share


def mix_targets(own: torch.Tensor, other: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """Soft targets of mixed images.

    Args:
        own: float32 (B, K): one-hot, or 1 and 0 for each label with -1 for "not counted".
        other: The partners', likewise.
        share: float32 (B,), the own share.

    Returns:
        float32 (B, K); -1 where either was not counted.
    """
    import torch

    mixed = share[:, None] * own + (1 - share)[:, None] * other
    return torch.where((own < 0) | (other < 0), -1.0, mixed)


def _boxes(mixing: Mixing, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Boxes around their centres as far as they lie in the image: float32 (B, H, W), and shares."""
    import torch

    ratio = (1 - mixing.share).sqrt()
    inside, lengths = [], []
    for axis, side in enumerate((height, width)):
        half = (ratio * side).floor().div(2).floor()
        centre = (mixing.centre[:, axis] * side).floor()
        start, stop = (centre - half).clamp(min=0), (centre + half).clamp(max=side)
        places = torch.arange(side)
        inside.append((places >= start[:, None]) & (places < stop[:, None]))
        lengths.append(stop - start)
    boxes = inside[0][:, :, None] & inside[1][:, None, :]
    return boxes.float(), lengths[0] * lengths[1] / (height * width)
