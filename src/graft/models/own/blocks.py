"""What several of our own networks are made of."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import nn

from graft.errors import GraftError
from graft.models.options import Option, one_of

HEAD = "head"
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "identity": nn.Identity,
}


def activation_option() -> Option:
    """Which activation function, ReLU where nobody chooses."""
    return one_of(*ACTIVATIONS, doc="the function after every layer but the last")


def sequence(**blocks: nn.Module) -> nn.Sequential:
    """Blocks by name, one after the other; the last is called "head"."""
    return nn.Sequential(OrderedDict(blocks))


def block_stages(net: nn.Module) -> dict[str, tuple[str, ...]]:
    """Every block of a `sequence` that has weights is a stage under its own name, the head not."""
    return {
        name: (name,)
        for name, block in net.named_children()
        if name != HEAD and any(True for _ in block.parameters())
    }


class Grey(nn.Module):
    """The mean of the channels: (B, C, H, W) to (B, 1, H, W)."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean(dim=1, keepdim=True)


def require_pixels(network: str, image_size: int, left: int) -> None:
    """Check that something is left of an image before the fully connected layers.

    Raises:
        GraftError: Nothing is.
    """
    if left < 1:
        raise GraftError(
            f"model.input_size: nothing is left of images of {image_size} pixels after the "
            f"convolutions of {network}. Set a larger model.input_size."
        )
