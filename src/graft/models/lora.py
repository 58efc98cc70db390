"""LoRA: low-rank changes of linear layers, trained in the place of their weights.

Hu et al. (2021): a pretrained matrix W stays as it is, and what is used is W + alpha / rank · up ·
down, two thin matrices that are learnt, `up` from zero. The change is a parametrisation of the
weight, so that it also reaches layers whose weights are used without the layer being called
(torchvision's Swin, torch's fused attention). What is handed on has the changes added to the
weights: a checkpoint is that of the plain network, under the names of published weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.utils import parametrize

from graft.errors import GraftError
from graft.models.spec import BackboneSpec

_INSIDE = ".parametrizations."  # what torch puts between a layer's path and a parametrisation's


@dataclass(frozen=True)
class LoRA:
    """How far a weight may change.

    Attributes:
        rank: Of the changes.
        alpha: The changes count alpha over rank, so that another rank needs no other learning rate.
    """

    rank: int
    alpha: float = 16.0


class LowRank(nn.Module):
    """A weight (outputs, inputs) to itself plus a change of low rank.

    Args:
        weight: Only its shape matters.
        lora: Rank and scale.
        blocks: How many matrices lie one below the other in the weight, each with a change of its
            own: 3 where queries, keys and values are one layer.
    """

    def __init__(self, weight: torch.Tensor, lora: LoRA, blocks: int = 1) -> None:
        super().__init__()
        outputs, inputs = weight.shape
        self.scale = lora.alpha / lora.rank
        self.down = nn.Parameter(torch.empty(blocks, lora.rank, inputs))
        self.up = nn.Parameter(torch.zeros(blocks, outputs // blocks, lora.rank))
        bound = 1 / math.sqrt(inputs)  # that of a fresh linear layer
        nn.init.uniform_(self.down, -bound, bound)

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        if weight.is_meta:  # where networks are traced: what they do once changes are merged
            return weight
        return _changed(weight, self.up, self.down, self.scale)


def add_adapters(net: nn.Module, spec: BackboneSpec, lora: LoRA) -> None:
    """Give every linear layer outside the head a change of low rank, at first none.

    A layer so small that its change would have no fewer parameters than itself goes without.

    Args:
        net: The network; its state dict has other names from then on.
        spec: Its backbone's spec.
        lora: Rank and scale.

    Raises:
        GraftError: There is no such layer.
    """
    adapted = 0
    for path, module in list(net.named_modules()):
        name = _matrix(module)
        if name is None or f"{path}.".startswith(f"{spec.head}."):
            continue
        weight = getattr(module, name)
        is_fused = name == "in_proj_weight" or path.endswith("qkv")
        change = LowRank(weight, lora, blocks=3 if is_fused else 1)
        if sum(parameter.numel() for parameter in change.parameters()) < weight.numel():
            parametrize.register_parametrization(module, name, change)
            adapted += 1
    if not adapted:
        raise GraftError(
            f"model.lora_rank: {spec.name} has no linear layers outside its head that a change of "
            f"rank {lora.rank} would be smaller than. Lower it, or set it to null; LoRA is meant "
            "for transformers (vit_b_16, swin_t)."
        )


def adapter_parameters(net: nn.Module) -> Iterator[nn.Parameter]:
    """What `add_adapters` added."""
    for module in net.modules():
        if isinstance(module, LowRank):
            yield from module.parameters()


def merge_adapters(net: nn.Module, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A state dict of `net` as that of the plain network that gives the same.

    Args:
        net: The network, with adapters or without any.
        state: A state dict of it, on one device.
    """
    merged = {}
    for name, tensor in state.items():
        layer, _, inside = name.partition(_INSIDE)
        if not inside:
            merged[name] = tensor
            continue
        matrix, _, part = inside.partition(".")
        if part == "original":
            path = f"{layer}{_INSIDE}{matrix}.0"
            scale = net.get_submodule(path).scale
            assert isinstance(scale, float)
            up, down = state[f"{path}.up"], state[f"{path}.down"]
            merged[f"{layer}.{matrix}"] = _changed(tensor, up, down, scale)
    return merged


def _matrix(module: nn.Module) -> str | None:
    """The attribute of a module that is the weight of a linear layer, or None."""
    if isinstance(module, nn.Linear):
        return "weight"
    # Where keys and values have other widths, torch keeps three matrices in its place.
    if isinstance(module, nn.MultiheadAttention) and module.in_proj_weight is not None:
        return "in_proj_weight"
    return None


def _changed(
    weight: torch.Tensor, up: torch.Tensor, down: torch.Tensor, scale: float
) -> torch.Tensor:
    # In full precision: autocast would round the sum of a weight and a change far smaller than it.
    with torch.autocast(weight.device.type, enabled=False):
        return weight + scale * torch.matmul(up, down).reshape(weight.shape)
