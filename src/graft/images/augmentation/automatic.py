"""Policies that need no search: RandAugment and TrivialAugment.

Both draw from the same fourteen primitives, each sample its own. The samples of a batch are grouped
by what they have drawn, so that a batch takes at most fourteen calls a step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from graft.images.augmentation import primitives
from graft.images.augmentation.operation import Pixels, check_whole

if TYPE_CHECKING:
    import torch

    from graft.images.augmentation.primitives import Primitive

BINS = 31  # strengths from 0 to 30


@dataclass(frozen=True)
class Draw:
    """A primitive and what its magnitude may be.

    Attributes:
        apply: None leaves the image as it is.
        weakest: Magnitude at strength 0.
        strongest: Magnitude at strength 30; those between lie on a straight line.
        signed: Whether half of the samples take the magnitude's negative.
        of_side: The magnitude is a share of the image's "width" or "height".
        whole: Whether magnitudes are rounded.
    """

    apply: Primitive | None
    weakest: float = 0.0
    strongest: float = 0.0
    signed: bool = False
    of_side: str | None = None
    whole: bool = False

    def magnitudes(
        self, strengths: torch.Tensor, negative: torch.Tensor, sides: tuple[int, int]
    ) -> torch.Tensor:
        """float64 (B,) for whole strengths (B,) from 0 to 30 and a choice of signs, bool (B,)."""
        import torch

        found = self.weakest + (self.strongest - self.weakest) * strengths.double() / (BINS - 1)
        if self.of_side:
            found = found * sides[self.of_side == "width"]
        if self.whole:
            found = found.round()
        return torch.where(negative, -found, found) if self.signed else found


def draws(
    *, shear: float, shift: dict[str, Draw], turn: float, light: float, fewest_bits: int
) -> dict[str, Draw]:
    """The fourteen primitives in torchvision's order, with the strongest magnitudes given."""
    of_light = {
        "Brightness": primitives.brightness,
        "Color": primitives.color,
        "Contrast": primitives.contrast,
        "Sharpness": primitives.sharpness,
    }
    return {
        "Identity": Draw(None),
        "ShearX": Draw(primitives.shear_x, strongest=shear, signed=True),
        "ShearY": Draw(primitives.shear_y, strongest=shear, signed=True),
        **shift,
        "Rotate": Draw(primitives.rotate, strongest=turn, signed=True),
        **{name: Draw(apply, strongest=light, signed=True) for name, apply in of_light.items()},
        "Posterize": Draw(primitives.posterize, 8, fewest_bits, whole=True),
        "Solarize": Draw(primitives.solarize, 255, 0),
        "AutoContrast": Draw(primitives.autocontrast),
        "Equalize": Draw(primitives.equalize),
    }


# Cubuk et al. move images by at most 150 of ImageNet's 331 pixels.
RAND_AUGMENT = draws(
    shear=0.3,
    shift={
        "TranslateX": Draw(primitives.translate_x, 0, 150 / 331, signed=True, of_side="width"),
        "TranslateY": Draw(primitives.translate_y, 0, 150 / 331, signed=True, of_side="height"),
    },
    turn=30.0,
    light=0.9,
    fewest_bits=4,
)
TRIVIAL_AUGMENT_WIDE = draws(
    shear=0.99,
    shift={
        "TranslateX": Draw(primitives.translate_x, 0, 32, signed=True),
        "TranslateY": Draw(primitives.translate_y, 0, 32, signed=True),
    },
    turn=135.0,
    light=0.99,
    fewest_bits=2,
)


@dataclass(frozen=True)
class RandAugment:
    """Some primitives one after another, all of one strength (Cubuk et al. 2020).

    The primitives and their magnitudes are torchvision's.

    Attributes:
        num_ops: How many, drawn with replacement.
        magnitude: Their strength, 0 to 30.
    """

    num_ops: int = 2
    magnitude: int = 9

    name: ClassVar[str] = "rand_augment"
    pixels: ClassVar[Pixels] = "bytes"

    def __post_init__(self) -> None:
        check_whole(self, "num_ops", 1, 10)
        check_whole(self, "magnitude", 0, BINS - 1)

    @property
    def numbers(self) -> int:
        return 2 * self.num_ops

    def apply(self, images: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        for step in range(self.num_ops):
            which, sign = numbers[:, 2 * step], numbers[:, 2 * step + 1]
            strengths = which.new_full(which.shape, self.magnitude)
            images = apply_drawn(RAND_AUGMENT, images, which, strengths, sign)
        return images


@dataclass(frozen=True)
class TrivialAugment:
    """One primitive of random strength (Müller and Hutter 2021), in its wide variant.

    The primitives and their magnitudes are torchvision's `TrivialAugmentWide`.
    """

    name: ClassVar[str] = "trivial_augment"
    pixels: ClassVar[Pixels] = "bytes"
    numbers: ClassVar[int] = 3

    def apply(self, images: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        which, strengths, sign = numbers.unbind(1)
        return apply_drawn(TRIVIAL_AUGMENT_WIDE, images, which, (strengths * BINS).floor(), sign)


def apply_drawn(
    space: dict[str, Draw],
    images: torch.Tensor,
    which: torch.Tensor,
    strengths: torch.Tensor,
    sign: torch.Tensor,
) -> torch.Tensor:
    """One primitive for each sample.

    Args:
        space: What to draw from, each with the same probability.
        images: uint8 (B, 3, H, W).
        which: float64 (B,) in [0, 1), decides on the primitive.
        strengths: Whole numbers (B,) from 0 to 30.
        sign: float64 (B,) in [0, 1), decides on the sign.
    """
    sides = (images.shape[-2], images.shape[-1])
    position = (which * len(space)).long()
    changed = images.clone()
    for place, draw in enumerate(space.values()):
        rows = (position == place).nonzero()[:, 0]
        if draw.apply is None or not len(rows):
            continue
        magnitudes = draw.magnitudes(strengths[rows], sign[rows] < 0.5, sides)
        rows = rows.to(images.device)
        changed[rows] = draw.apply(images[rows], magnitudes)
    return changed
