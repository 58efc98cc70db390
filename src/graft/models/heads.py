"""The last layer that a new task gets, or the block in its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft.errors import GraftError

if TYPE_CHECKING:
    from torch import nn

    from graft.models.spec import BackboneSpec


@dataclass(frozen=True)
class Head:
    """A single layer, or a block of Linear, LeakyReLU, dropout and Linear.

    Attributes:
        hidden: Neurons between the block's two layers; None for a single layer.
        dropout: Probability between the block's two layers.
    """

    hidden: int | None = None
    dropout: float = 0.5


def replace_head(net: nn.Module, spec: BackboneSpec, num_classes: int, head: Head) -> None:
    """Put a fresh head where the spec says that it is, a layer of the same kind as before.

    Raises:
        GraftError: A block where the network classifies with a convolution.
    """
    from torch import nn

    old = net.get_submodule(spec.head)
    if isinstance(old, nn.Sequential):  # a block of an earlier training
        old = old[0]
    new: nn.Module
    if isinstance(old, nn.Conv2d):  # SqueezeNet classifies with a 1x1 convolution
        if head.hidden is not None:
            raise GraftError(
                f"model.head_hidden: {spec.name} classifies with a convolution, which no block "
                "of linear layers can replace. Set it to null, or choose another backbone."
            )
        new = nn.Conv2d(old.in_channels, num_classes, kernel_size=1, bias=old.bias is not None)
        nn.init.normal_(new.weight, std=0.01)
        if new.bias is not None:
            nn.init.zeros_(new.bias)
    elif not isinstance(old, nn.Linear):
        raise GraftError(f"{spec.name}: the head at '{spec.head}' is a {type(old).__name__}.")
    elif head.hidden is None:
        new = nn.Linear(old.in_features, num_classes, bias=old.bias is not None)
    else:
        new = nn.Sequential(
            nn.Linear(old.in_features, head.hidden),
            nn.LeakyReLU(),
            nn.Dropout(head.dropout),
            nn.Linear(head.hidden, num_classes),
        )
    parent, _, name = spec.head.rpartition(".")
    setattr(net.get_submodule(parent), name, new)
