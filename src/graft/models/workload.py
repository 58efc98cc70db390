"""What a network has to do for an image: what the choice of how to compute asks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from graft.compute import Workload
from graft.models.tracing import trace

if TYPE_CHECKING:
    from torch import nn

    from graft.models.classifier import Classifier


def workload_of(model: Classifier, image_size: int) -> Workload:
    """The work of a forward pass of one image.

    Args:
        model: The classifier.
        image_size: Side length of its images in pixels, before any resizing of its own.

    Raises:
        GraftError: The network cannot take images of that size.
    """
    from torch import nn

    work = {
        path: module
        for path, module in trace(model, image_size).items()
        if module.multiply_accumulates
    }
    layers = {path: model.net.get_submodule(path) for path in work}
    filters = {p: layer.weight for p, layer in layers.items() if isinstance(layer, nn.Conv2d)}
    return Workload(
        multiply_accumulates=sum(module.multiply_accumulates for module in work.values()),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        is_plain=all(map(_is_plain, layers.values())),
        filters=sum(weight.numel() for weight in filters.values()),
        maps=sum(math.prod(work[path].shape) for path in filters),
    )


def _is_plain(module: nn.Module) -> bool:
    from torch import nn

    return isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1)
