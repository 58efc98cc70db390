"""What a network looks for in the pixels themselves: the filters of its first convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from graft.models.classifier import Classifier


def first_layer_filters(model: Classifier) -> tuple[str, np.ndarray]:
    """The first convolution that sees the picture.

    Returns:
        Its path in the network and its weights, float32 (F, 3, h, w). F is 0 where the network
        begins with something else, such as a linear layer.
    """
    from torch import nn

    for path, module in model.net.named_modules():
        if isinstance(module, nn.Conv2d) and module.in_channels == 3:
            return path, module.weight.detach().float().cpu().numpy()
    return "", np.zeros((0, 3, 1, 1), dtype=np.float32)
