"""The head of a classifier whose backbone is frozen, as a classifier of its own."""

from __future__ import annotations

import dataclasses

import torch
from torch import nn

from graft.models.classifier import Classifier


class HeadOnly(Classifier):
    """Features (B, D) to logits (B, num_classes), by the very head of another classifier.

    Its state dict has the head's entries under the names that they have in the whole network, so
    that the one can be put into the other.

    Args:
        whole: The classifier; what is trained here is trained there.
        dropout: What features pass on their way to the head in training, or None.
    """

    def __init__(self, whole: Classifier, dropout: nn.Dropout | None = None) -> None:
        net = nn.Module()
        parent = net
        *path, name = whole.spec.head.split(".")
        for part in path:
            parent.add_module(part, nn.Module())
            parent = parent.get_submodule(part)
        parent.add_module(name, whole.head)
        super().__init__(
            net,
            dataclasses.replace(whole.spec, stages=lambda _: {}),
            whole.class_names,
            whole.mean.flatten().tolist(),
            whole.std.flatten().tolist(),
            whole.input_size,
            whole.options,
            whole.head_kind,
        )
        self.dropout = dropout or nn.Identity()

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.dropout(features))
        return logits


def with_backbone(
    whole: Classifier, head_state: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """State dict of the whole network on the CPU, with these weights of its head."""
    return {
        name: head_state[name] if name in head_state else tensor.detach().to("cpu", copy=True)
        for name, tensor in whole.net.state_dict().items()
    }
