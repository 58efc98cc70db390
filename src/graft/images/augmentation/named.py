"""The registry of named policies.

Those whose names begin with `report_` are what reports of student projects used that Graft
reproduces; where a report leaves torchvision's default interpolation, it is the nearest pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

from graft.errors import GraftError, did_you_mean
from graft.images.augmentation.automatic import RandAugment, TrivialAugment
from graft.images.augmentation.colour import ColorJitter
from graft.images.augmentation.crops import HorizontalFlip, RandomCrop
from graft.images.augmentation.erasing import RandomErasing
from graft.images.augmentation.operation import Operation
from graft.images.augmentation.warps import Affine, Rotation


@dataclass(frozen=True)
class NamedPolicy:
    """Operations under a name.

    Attributes:
        name: What `augmentation.policy` calls it.
        description: One line.
        operations: One after another.
    """

    name: str
    description: str
    operations: tuple[Operation, ...]


_FLIP_CROP = (RandomCrop(padding=4), HorizontalFlip())

POLICIES: dict[str, NamedPolicy] = {
    policy.name: policy
    for policy in (
        NamedPolicy("none", "images as they are", ()),
        NamedPolicy(
            "digits",
            "a pixel's shift, 10 degrees, a tenth of zoom, no mirror: for written signs",
            (RandomCrop(padding=1), Affine(degrees=10, scale=0.1)),
        ),
        NamedPolicy(
            "flip_crop", "shift by up to 4 pixels and mirror, as usual for CIFAR", _FLIP_CROP
        ),
        NamedPolicy(
            "gentle",
            "shift, mirror, 15 degrees, a tenth of zoom, a little light: for photographs of 64 px",
            (
                RandomCrop(padding=6),
                HorizontalFlip(),
                Affine(degrees=15, scale=0.1),
                ColorJitter(brightness=0.2, contrast=0.2),
            ),
        ),
        NamedPolicy(
            "rand_augment",
            "flip_crop, then two of fourteen operations (RandAugment, magnitude 9)",
            (*_FLIP_CROP, RandAugment()),
        ),
        NamedPolicy(
            "trivial_augment",
            "flip_crop, then one of fourteen operations of any strength (TrivialAugmentWide)",
            (*_FLIP_CROP, TrivialAugment()),
        ),
        NamedPolicy(
            "erasing",
            "flip_crop, then a rectangle erased in half of the images",
            (*_FLIP_CROP, RandomErasing()),
        ),
        NamedPolicy(
            "report_flowers",
            "the flowers report: crop of 0.8 of the side, mirror, up to 90 degrees",
            (RandomCrop(share=0.8), HorizontalFlip(), Affine(degrees=90, interpolation="nearest")),
        ),
        NamedPolicy(
            "report_voc2007",
            "the PASCAL VOC report: hue and saturation 0.05, mirror, 20 degrees",
            (ColorJitter(hue=0.05, saturation=0.05), HorizontalFlip(), Rotation(20)),
        ),
        NamedPolicy(
            "report_inaturalist",
            "the iNaturalist report: mirror, 10 degrees, brightness and contrast 0.2",
            (
                HorizontalFlip(),
                Rotation(10, interpolation="nearest"),
                ColorJitter(brightness=0.2, contrast=0.2),
            ),
        ),
        NamedPolicy(
            "report_cifar10", "the MNIST and CIFAR-10 report: padding 4, crop, mirror", _FLIP_CROP
        ),
        NamedPolicy(
            "report_cifar10_jitter",
            "report_cifar10 with colour and 10 degrees; the report gives no magnitudes: assumed",
            (
                *_FLIP_CROP,
                ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2),
                Rotation(10, interpolation="nearest"),
            ),
        ),
    )
}


def list_policies() -> list[str]:
    """Every name that `augmentation.policy` may have.

    >>> list_policies()[:3]
    ['digits', 'erasing', 'flip_crop']
    """
    return sorted(POLICIES)


def get_policy(name: str) -> NamedPolicy:
    """The policy of that name.

    Raises:
        GraftError: There is none; the message names the nearest.
    """
    if name in POLICIES:
        return POLICIES[name]
    raise GraftError(
        f"augmentation.policy: there is no policy '{name}'{did_you_mean(name, POLICIES)}. "
        f"Policies: {', '.join(list_policies())}."
    )
