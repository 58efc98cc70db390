"""What a network has to do for an image: what the choice of a precision asks."""

from __future__ import annotations

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
    work = {
        path: module.multiply_accumulates
        for path, module in trace(model, image_size).items()
        if module.multiply_accumulates
    }
    return Workload(
        multiply_accumulates=sum(work.values()),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        is_plain=all(_is_plain(model.net.get_submodule(path)) for path in work),
    )


def _is_plain(module: nn.Module) -> bool:
    from torch import nn

    return isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1)
