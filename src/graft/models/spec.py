"""What Graft has to know of a network that it did not write.

Head replacement, freezing and feature taps all read the spec, so that none of them can meet an
attribute that a family of networks does not have. (One report put its new head on such an
attribute and went on training the 1000-way one.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class BackboneSpec:
    """Where a network's head is, what its stages are called, what its input must be.

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
