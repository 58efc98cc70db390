"""What Graft has to know of a network that it did not write.

Head replacement, freezing and feature taps all read the spec, so that none of them can meet an
attribute that a family of networks does not have. (One report put its new head on such an
attribute and went on training the 1000-way one.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from graft.errors import GraftError
from graft.models.options import Option, choose_options

if TYPE_CHECKING:
    from torch import nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class BackboneSpec:
    """Where a network's head is, what its stages are called, what its input must be.

    Attributes:
        name: The name that parameters use.
        make: Makes the network with random weights from the number of classes and, by keyword,
            from all of `options`, and from `image_size` where `sizes` is "chosen".
        head: Path of the last layer, the one that a new task replaces.
        stages: From a network, its stages from input to output: name and the paths of the
            modules (or parameters) that belong to it. A stage's output is that of its last module.
        mean: Channel means that its pretrained weights want, images in [0, 1].
        std: Channel standard deviations likewise.
        input_size: Side length in pixels that it, or its pretrained weights, was made for.
        sizes: "any"; "fixed" (it takes `input_size` only); or "chosen" (it is made for one size,
            on which the number of its weights depends).
        options: What `model.options` may choose.
        layout: How a stage's output lies in memory: "NCHW", "NHWC" (Swin) or "tokens" (B, N, D)
            with a class token first (ViT). Of (B, N, D) without one every position counts.
        published_as: Name of the torchvision network whose published weights fit, if one does.
        ignored_weights: Prefixes of published weights that the network goes without (auxiliary
            heads).
    """

    name: str
    make: Callable[..., nn.Module]
    head: str
    stages: Callable[[nn.Module], dict[str, tuple[str, ...]]]
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    input_size: int = 224
    sizes: Literal["any", "fixed", "chosen"] = "any"
    options: Mapping[str, Option] = field(default_factory=dict)
    layout: str = "NCHW"
    published_as: str | None = None
    ignored_weights: tuple[str, ...] = ()

    def build(
        self,
        num_classes: int,
        input_size: int | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> nn.Module:
        """The network with random weights.

        Args:
            num_classes: Its outputs.
            input_size: Side length of its images, where it is made for one; None for the spec's.
            options: What differs from the options' defaults.

        Raises:
            GraftError: An unknown option, a value that it does not allow, or images too small.
        """
        chosen = choose_options(self.name, self.options, options or {})
        if self.sizes == "chosen":
            chosen["image_size"] = input_size or self.input_size
        return self.make(num_classes, **chosen)

    def require_input_size(self, input_size: int | None) -> None:
        """Check what `model.input_size` says.

        Raises:
            GraftError: The network takes another size only, or is made for one and none is given.
        """
        if self.sizes == "fixed" and input_size != self.input_size:
            raise GraftError(
                f"model.input_size: {self.name} takes images of {self.input_size} pixels only. "
                f"Set model.input_size to {self.input_size}."
            )
        if self.sizes == "chosen" and input_size is None:
            raise GraftError(
                f"model.input_size: {self.name} is made for images of one size, null is none. "
                f"Set it to their side length in pixels, such as {self.input_size}."
            )
