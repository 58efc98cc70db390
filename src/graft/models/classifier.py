"""A backbone with a head for the task at hand, its normalisation inside.

The classifier takes pixels in [0, 1] and does the rest itself: resize, normalise, forward. It
knows which of its stages are frozen, and frozen means frozen: no gradient, no batch-norm
statistics, no dropout, also after a call of `.train()`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import nn

from graft.errors import GraftError
from graft.models.backbones import get_backbone
from graft.models.spec import BackboneSpec
from graft.models.weights import BackboneWeights, load_into
from graft.seeding import derive_seed, seed_everything


class Classifier(nn.Module):
    """Images (B, 3, H, W) float in [0, 1] to logits (B, num_classes).

    Attributes:
        net: The network, head included.
        spec: Its backbone's spec.
        class_names: What the outputs mean, in order.
        input_size: Side length that images are resized to, or None to take them as they come.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(
        self,
        net: nn.Module,
        spec: BackboneSpec,
        class_names: Sequence[str],
        mean: Sequence[float],
        std: Sequence[float],
        input_size: int | None = None,
    ) -> None:
        super().__init__()
        self.net = net
        self.spec = spec
        self.class_names = tuple(class_names)
        self.input_size = input_size
        self._frozen: tuple[nn.Module, ...] = ()
        # Not part of the weights: a checkpoint keeps them as metadata.
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self.input_size is not None and images.shape[-1] != self.input_size:
            images = F.interpolate(
                images, size=(self.input_size,) * 2, mode="bilinear", antialias=True
            )
        logits: torch.Tensor = self.net((images - self.mean) / self.std)
        return logits

    @property
    def head(self) -> nn.Module:
        return self.net.get_submodule(self.spec.head)

    def stage_names(self) -> tuple[str, ...]:
        """The stages from input to output, without the head."""
        return tuple(self.spec.stages(self.net))

    def freeze(self, strategy: str | Sequence[str]) -> None:
        """Choose what is trained; the head always is.

        Args:
            strategy: "none" (nothing is frozen), "all_except_last" (only the head is trained),
                or the names of the stages to train besides the head.

        Raises:
            GraftError: An unknown strategy or stage; the message lists the stages.
        """
        trainable = self._trainable_stages(strategy)
        frozen_modules: list[nn.Module] = []
        for parameter in self.parameters():
            parameter.requires_grad_(True)
        for stage, paths in self.spec.stages(self.net).items():
            if stage in trainable:
                continue
            for path in paths:
                part = _resolve(self.net, path)
                if isinstance(part, nn.Module):
                    frozen_modules.append(part)
                    part.requires_grad_(False)
                elif part is not None:
                    part.requires_grad_(False)
        self._frozen = tuple(frozen_modules)
        self.head.requires_grad_(True)
        self.train(self.training)

    def train(self, mode: bool = True) -> Classifier:
        """As in torch, but frozen modules stay in evaluation mode."""
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self

    def backbone_parameters(self) -> Iterator[nn.Parameter]:
        """The trainable parameters outside the head."""
        head = {id(parameter) for parameter in self.head.parameters()}
        return (p for p in self.parameters() if p.requires_grad and id(p) not in head)

    def _trainable_stages(self, strategy: str | Sequence[str]) -> set[str]:
        names = self.stage_names()
        if strategy == "none":
            return set(names)
        if strategy == "all_except_last":
            return set()
        if isinstance(strategy, str):
            strategy = [strategy]
        unknown = [stage for stage in strategy if stage not in names]
        if unknown:
            raise GraftError(
                f"model.freezing: {self.spec.name} has no stage '{unknown[0]}'. Give 'none', "
                f"'all_except_last' or a list of stages to train: {', '.join(names)}."
            )
        return set(strategy)


def build_classifier(
    backbone: str,
    class_names: Sequence[str],
    weights: BackboneWeights | None,
    *,
    dataset_mean: Sequence[float],
    dataset_std: Sequence[float],
    normalisation: str = "auto",
    input_size: int | None = None,
    seed: int = 0,
) -> Classifier:
    """A network with pretrained or random weights and a fresh head for `class_names`.

    Args:
        backbone: A name of `list_backbones()`.
        class_names: The task's classes.
        weights: Pretrained weights, or None for random ones.
        dataset_mean: Channel means of the training images, in [0, 1].
        dataset_std: Channel standard deviations of the training images.
        normalisation: "backbone" (what its pretrained weights want), "dataset", or "auto": the
            backbone's where there are pretrained weights, else the data set's.
        input_size: Side length in pixels to resize to, or None to take images as stored.
        seed: Seeds the random weights.

    Raises:
        GraftError: Unknown backbone, weights that do not fit, or a size that it cannot take.
    """
    spec = get_backbone(backbone)
    _require_input_size(spec, input_size)
    seed_everything(derive_seed(seed, "weights"))
    net = spec.build(weights.head_outputs(spec) if weights else len(class_names))
    if weights is not None:
        load_into(net, spec, weights)
        _replace_head(net, spec, len(class_names))
    if normalisation == "backbone" or (normalisation == "auto" and weights is not None):
        mean, std = _wanted_normalisation(spec, weights)
    else:
        mean, std = dataset_mean, dataset_std
    return Classifier(net, spec, class_names, mean, std, input_size)


def build_pretrained(
    backbone: str, weights: BackboneWeights, input_size: int | None = None
) -> Classifier:
    """A network exactly as its pretrained weights made it, the head of the source task included.

    Its classes are named by number ("0", "1", …): weights do not say what their outputs mean.
    """
    spec = get_backbone(backbone)
    _require_input_size(spec, input_size)
    outputs = weights.head_outputs(spec)
    net = spec.build(outputs)
    load_into(net, spec, weights)
    names = [str(number) for number in range(outputs)]
    return Classifier(net, spec, names, *_wanted_normalisation(spec, weights), input_size)


def count_parameters(model: nn.Module, *, trainable_only: bool = False) -> int:
    """The number of parameters, buffers (batch-norm statistics) not counted."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable_only)


def _wanted_normalisation(
    spec: BackboneSpec, weights: BackboneWeights | None
) -> tuple[Sequence[float], Sequence[float]]:
    """Mean and deviation that the weights' file names, else those of the published weights."""
    if weights is not None and weights.mean and weights.std:
        return weights.mean, weights.std
    return spec.mean, spec.std


def _require_input_size(spec: BackboneSpec, input_size: int | None) -> None:
    if spec.fixed_input_size and input_size != spec.input_size:
        raise GraftError(
            f"model.input_size: {spec.name} takes images of {spec.input_size} pixels only. "
            f"Set model.input_size to {spec.input_size}."
        )


def _replace_head(net: nn.Module, spec: BackboneSpec, num_classes: int) -> None:
    """Put a fresh last layer of the same kind where the spec says the head is."""
    old = net.get_submodule(spec.head)
    new: nn.Module
    if isinstance(old, nn.Linear):
        new = nn.Linear(old.in_features, num_classes, bias=old.bias is not None)
    elif isinstance(old, nn.Conv2d):  # SqueezeNet classifies with a 1x1 convolution
        new = nn.Conv2d(old.in_channels, num_classes, kernel_size=1, bias=old.bias is not None)
        nn.init.normal_(new.weight, std=0.01)
        if new.bias is not None:
            nn.init.zeros_(new.bias)
    else:
        raise GraftError(f"{spec.name}: the head at '{spec.head}' is a {type(old).__name__}.")
    parent, _, name = spec.head.rpartition(".")
    setattr(net.get_submodule(parent), name, new)


def _resolve(net: nn.Module, path: str) -> nn.Module | nn.Parameter | None:
    parent, _, name = path.rpartition(".")
    part = getattr(net.get_submodule(parent), name)
    assert part is None or isinstance(part, nn.Module | nn.Parameter)
    return part
