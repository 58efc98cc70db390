"""Backbones as specs: where the head is, what the stages are called, what the input must be.

Head replacement, freezing and feature taps all read the spec, so that none of them can meet an
attribute that a family of networks does not have. (One report put its new head on such an
attribute and went on training the 1000-way one.)
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft.errors import GraftError

if TYPE_CHECKING:
    from torch import nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
CIFAR10_MEAN = (0.4914, 0.4822, 0.4465)
CIFAR10_STD = (0.2470, 0.2435, 0.2616)


@dataclass(frozen=True)
class BackboneSpec:
    """What Graft has to know of a network that it did not write.

    Attributes:
        name: The name that parameters use.
        build: Makes the network for a number of classes, with random weights.
        head: Path of the last layer, the one that a new task replaces.
        stages: From a network, its stages from input to output: name and the paths of the
            modules (or parameters) that belong to it. A stage's output is that of its last module.
        mean: Channel means that its pretrained weights want, images in [0, 1].
        std: Channel standard deviations likewise.
        input_size: Side length in pixels that its pretrained weights were made for.
        fixed_input_size: Whether it cannot take another size.
        layout: How a stage's output lies in memory: "NCHW", "NHWC" (Swin) or "tokens" (B, N, D)
            with a class token first (ViT).
        ignored_weights: Prefixes of published weights that the network goes without (auxiliary
            heads).
    """

    name: str
    build: Callable[[int], nn.Module]
    head: str
    stages: Callable[[nn.Module], dict[str, tuple[str, ...]]]
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    input_size: int = 224
    fixed_input_size: bool = False
    layout: str = "NCHW"
    ignored_weights: tuple[str, ...] = ()


def list_backbones() -> list[str]:
    """Every name that `model.backbone` may have, our own first."""
    from graft.models.torchvision_families import list_torchvision_backbones

    return [*_OWN, *list_torchvision_backbones()]


def get_backbone(name: str) -> BackboneSpec:
    """The spec of a backbone.

    Raises:
        GraftError: No such backbone; the message names the nearest ones.
    """
    if name in _OWN:
        return _OWN[name]()
    from graft.models.torchvision_families import torchvision_spec

    names = list_backbones()
    if name not in names:
        nearest = difflib.get_close_matches(name, names, n=3)
        hint = f" Did you mean {' or '.join(nearest)}?" if nearest else ""
        raise GraftError(
            f"model.backbone: there is no backbone '{name}'.{hint} "
            f"There are {len(names)}: resnet20_cifar and all of torchvision's classifiers."
        )
    return torchvision_spec(name)


def _resnet20_cifar() -> BackboneSpec:
    from graft.models.resnet_cifar import resnet20_cifar

    stages: dict[str, tuple[str, ...]] = {
        "stem": ("conv1", "bn1"),
        "stage1": ("stage1",),
        "stage2": ("stage2",),
        "stage3": ("stage3",),
    }
    return BackboneSpec(
        name="resnet20_cifar",
        build=resnet20_cifar,
        head="fc",
        stages=lambda _: stages,
        mean=CIFAR10_MEAN,
        std=CIFAR10_STD,
        input_size=32,
    )


_OWN: dict[str, Callable[[], BackboneSpec]] = {"resnet20_cifar": _resnet20_cifar}
