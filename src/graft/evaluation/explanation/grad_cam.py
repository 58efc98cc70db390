"""Grad-CAM: which part of a picture speaks for a class.

Selvaraju et al. 2017, "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization". The feature maps of the last stage that still has positions are added up, each
weighted by the mean gradient of the class's logit in it; what speaks against the class is cut off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.errors import GraftError

if TYPE_CHECKING:
    import torch

    from graft.compute import Compute
    from graft.models.classifier import Classifier


@dataclass(frozen=True, eq=False)
class GradCam:
    """Heat maps of N images.

    Attributes:
        maps: float32 (N, H, W), 0 to 1 within each image, at the images' own size; all 0 where no
            position speaks for the class.
        stage: The stage whose feature maps they were made from.
        cells: Rows and columns of that stage's feature maps: how coarse the maps are.
    """

    maps: np.ndarray
    stage: str
    cells: tuple[int, int]


def grad_cam(
    model: Classifier, images: np.ndarray, classes: np.ndarray, compute: Compute
) -> GradCam:
    """Heat maps of what speaks for one class in each image.

    Batch norms and dropout are as in prediction, and the weights are left without gradients.

    Args:
        model: The classifier.
        images: uint8 (N, H, W, 3).
        classes: int64 (N,), the class that is asked of each image.
        compute: Where to compute; always in full precision, as half a gradient may vanish.

    Raises:
        GraftError: No stage of the network keeps positions (see `last_spatial_stage`).
    """
    import torch
    import torch.nn.functional as F

    from graft.images.conversion import to_float

    pixels = torch.from_numpy(np.ascontiguousarray(images)).to(compute.device).permute(0, 3, 1, 2)
    compute.place(model)
    model.eval()
    # A stage of a frozen network passes no gradient on unless its input asks for one.
    floats = to_float(pixels).requires_grad_()
    stage = last_spatial_stage(model, floats[:1])
    with torch.enable_grad():
        kept: list[torch.Tensor] = []
        handle = _last_module(model, stage).register_forward_hook(_keep_in(kept))
        try:
            logits = model(floats)
        finally:
            handle.remove()
        asked = torch.from_numpy(np.asarray(classes)).to(logits.device)
        logit = logits.gather(1, asked[:, None]).sum()  # each image's own, as none sees another
        (gradient,) = torch.autograd.grad(logit, kept[0])
    features, gradient = (
        _channels_first(value.detach().float(), model.spec.layout) for value in (kept[0], gradient)
    )
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    coarse = (weights * features).sum(dim=1, keepdim=True).relu()
    fine = F.interpolate(coarse, size=images.shape[1:3], mode="bilinear", align_corners=False)[:, 0]
    strongest = fine.amax(dim=(1, 2), keepdim=True)
    maps = torch.where(strongest > 0, fine / strongest.clamp_min(1e-12), fine)
    return GradCam(maps.cpu().numpy(), stage, (coarse.shape[2], coarse.shape[3]))


def last_spatial_stage(model: Classifier, image: torch.Tensor) -> str:
    """The last stage whose output still has more than one position, found by one image.

    Of a vision transformer that is the last but one layer where there is one: the logits are
    computed from the last layer's class token alone, so that no gradient reaches its patches.

    Args:
        model: The classifier, placed and in evaluation mode.
        image: float (1, 3, H, W).

    Raises:
        GraftError: No stage keeps positions in a form that is known.
    """
    import torch

    seen: dict[str, torch.Tensor] = {}
    handles = []
    for stage in model.stage_names():
        module = _last_module(model, stage)
        handles.append(module.register_forward_hook(_keep_under(stage, seen)))
    try:
        with torch.no_grad():
            model(image)
    finally:
        for handle in handles:
            handle.remove()
    spatial = [stage for stage, output in seen.items() if _has_positions(output, model.spec.layout)]
    if model.spec.layout == "tokens":
        spatial = spatial[:-1]
    if not spatial:
        raise GraftError(
            f"Grad-CAM is not available for {model.spec.name} on images of "
            f"{image.shape[-1]} pixels: none of its stages keeps positions in the picture."
        )
    return spatial[-1]


def _last_module(model: Classifier, stage: str) -> torch.nn.Module:
    """The module whose output is the stage's; parts that are bare parameters have no output."""
    from torch import nn

    paths = model.spec.stages(model.net)[stage]
    for path in reversed(paths):
        parent, _, name = path.rpartition(".")
        part = getattr(model.net.get_submodule(parent), name)
        if isinstance(part, nn.Module):
            return part
    raise AssertionError(f"stage {stage} of {model.spec.name} has no module")


def _keep_in(kept: list[torch.Tensor]) -> Any:
    """A hook that keeps a module's output and hands on a copy: a later in-place ReLU spares it."""

    def keep(_module: Any, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
        kept.append(output)
        return output.clone()

    return keep


def _keep_under(stage: str, seen: dict[str, torch.Tensor]) -> Any:
    def keep(_module: Any, _inputs: Any, output: Any) -> None:
        seen[stage] = output

    return keep


def _has_positions(output: Any, layout: str) -> bool:
    if not hasattr(output, "ndim"):
        return False
    if output.ndim == 4:
        rows, columns = output.shape[1:3] if layout == "NHWC" else output.shape[2:]
        return bool(rows * columns > 1)
    return output.ndim == 3 and _side(output, layout) > 1


def _side(tokens: torch.Tensor, layout: str) -> int:
    """Patches a side of (B, N, D), the class token left out; 0 where they form no square."""
    patches = tokens.shape[1] - (layout == "tokens")
    side = int(patches**0.5)
    return side if side * side == patches else 0


def _channels_first(output: torch.Tensor, layout: str) -> torch.Tensor:
    """(B, D, H, W), (B, H, W, D) or (B, positions, D) to (B, D, H, W)."""
    if output.ndim == 4:
        return output.permute(0, 3, 1, 2) if layout == "NHWC" else output
    side = _side(output, layout)
    patches = output[:, output.shape[1] - side * side :]
    return patches.transpose(1, 2).reshape(len(patches), -1, side, side)
