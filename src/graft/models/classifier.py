"""A backbone with a head for the task at hand, its normalisation inside.

The classifier takes pixels and does the rest itself: resize, normalise, forward. It knows which of
its stages are frozen, and frozen means frozen: no gradient, no batch-norm statistics, no dropout,
also after a call of `.train()`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from graft.images.conversion import normalise, to_float
from graft.models.backbones import get_backbone
from graft.models.freezing import trainable_stages
from graft.models.heads import Head, replace_head
from graft.models.lora import LoRA, adapter_parameters, add_adapters
from graft.models.options import choose_options
from graft.models.spec import BackboneSpec
from graft.models.weights import BackboneWeights, load_into
from graft.seeding import derive_seed, seed_everything

_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.SyncBatchNorm)


class Classifier(nn.Module):
    """Images (B, 3, H, W), uint8 or float in [0, 1], to logits (B, num_classes).

    Attributes:
        net: The network, head included.
        spec: Its backbone's spec.
        class_names: What the outputs mean, in order.
        input_size: Side length that images are resized to, or None to take them as they come.
        options: The network's options, all of them.
        head_kind: What kind of head it has.
        freezing: The strategy in force.
        lora: The low-rank changes that are trained in the place of the backbone's weights, or None.
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
        options: Mapping[str, Any] | None = None,
        head_kind: Head | None = None,
    ) -> None:
        super().__init__()
        self.net = net
        self.spec = spec
        self.class_names = tuple(class_names)
        self.input_size = input_size
        self.options = choose_options(spec.name, spec.options, options or {})
        self.head_kind = head_kind or Head()
        self.freezing: str | Sequence[str] = "none"
        self.lora: LoRA | None = None
        self._frozen: tuple[nn.Module, ...] = ()
        # Not part of the weights: a checkpoint keeps them as metadata.
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self.input_size is not None and images.shape[-1] != self.input_size:
            images = F.interpolate(
                to_float(images), size=(self.input_size,) * 2, mode="bilinear", antialias=True
            )
        images = normalise(images, self.mean, self.std)
        logits: torch.Tensor = self.net(images.contiguous(memory_format=self._memory_format()))
        return logits

    def _memory_format(self) -> torch.memory_format:
        """The order in memory of its first filters: convolutions give what they are given."""
        filters = next((p for p in self.net.parameters() if p.ndim == 4), None)
        if filters is None or filters.is_contiguous(memory_format=torch.channels_last):
            return torch.channels_last
        return torch.contiguous_format

    @property
    def head(self) -> nn.Module:
        return self.net.get_submodule(self.spec.head)

    def stage_names(self) -> tuple[str, ...]:
        """The stages from input to output, without the head."""
        return tuple(self.spec.stages(self.net))

    def frozen_stages(self) -> tuple[str, ...]:
        """Those of `stage_names` that are not trained."""
        trained = trainable_stages(self.freezing, self.stage_names(), self.spec.name)
        return tuple(stage for stage in self.stage_names() if stage not in trained)

    def freeze(self, strategy: str | Sequence[str]) -> None:
        """Choose what is trained; the head always is.

        Args:
            strategy: As for `trainable_stages`: "none", "all_except_last", "first_<k>",
                "all_except_<k>", or the names of the stages to train besides the head.

        Raises:
            GraftError: An unknown strategy or stage; the message lists the stages.
        """
        trainable = trainable_stages(strategy, self.stage_names(), self.spec.name)
        frozen_modules: list[nn.Module] = []
        self.requires_grad_(self.lora is None)
        if self.lora is not None:
            frozen_modules += [m for m in self.net.modules() if isinstance(m, _BATCH_NORMS)]
            for parameter in adapter_parameters(self.net):
                parameter.requires_grad_(True)
        for stage, parts in self._stage_parts().items():
            for part in [] if stage in trainable else parts:
                part.requires_grad_(False)
                if isinstance(part, nn.Module):
                    frozen_modules.append(part)
        self._frozen = tuple(frozen_modules)
        self.freezing = strategy
        self.head.requires_grad_(True)
        self.train(self.training)

    def adapt(self, lora: LoRA) -> None:
        """Train low-rank changes of linear layers in the place of the backbone's weights.

        Of the backbone nothing else is trained; strategies of freezing say in which stages.

        Raises:
            GraftError: It has no linear layers that are larger than such a change.
        """
        add_adapters(self.net, self.spec, lora)
        self.lora = lora
        self.freeze(self.freezing)

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

    def stage_parameters(self, stage: str) -> Iterator[nn.Parameter]:
        """The trainable parameters of one of `stage_names`."""
        for part in self._stage_parts()[stage]:
            parameters = part.parameters() if isinstance(part, nn.Module) else [part]
            yield from (p for p in parameters if p.requires_grad)

    def _stage_parts(self) -> dict[str, list[nn.Module | nn.Parameter]]:
        """What each stage consists of; a part that this network does without is left out."""
        return {
            stage: [part for path in paths if (part := _resolve(self.net, path)) is not None]
            for stage, paths in self.spec.stages(self.net).items()
        }


def build_classifier(
    backbone: str,
    class_names: Sequence[str],
    weights: BackboneWeights | None,
    *,
    dataset_mean: Sequence[float],
    dataset_std: Sequence[float],
    normalisation: str = "auto",
    input_size: int | None = None,
    options: Mapping[str, Any] | None = None,
    head: Head | None = None,
    lora: LoRA | None = None,
    seed: int = 0,
) -> Classifier:
    """A network with pretrained or random weights and a fresh head for `class_names`.

    Args:
        backbone: A name that `get_backbone` knows.
        class_names: The task's classes.
        weights: Pretrained weights, or None for random ones.
        dataset_mean: Channel means of the training images, in [0, 1].
        dataset_std: Channel standard deviations of the training images.
        normalisation: "backbone" (what its pretrained weights want), "dataset", or "auto": the
            backbone's where there are pretrained weights, else the data set's.
        input_size: Side length in pixels to resize to, or None to take images as stored.
        options: What the network leaves open, where it differs from the defaults.
        head: What kind of head; None for a single layer.
        lora: Train low-rank changes in the place of the backbone's weights, see
            `Classifier.adapt`; None trains the weights.
        seed: Seeds the random weights.

    Raises:
        GraftError: Unknown backbone or option, weights that do not fit, or a size, head or
            low-rank changes that the network cannot take.
    """
    head = head or Head()
    spec = get_backbone(backbone)
    spec.require_input_size(input_size)
    seed_everything(derive_seed(seed, "weights"))
    if weights is None:
        net = spec.build(len(class_names), input_size, options)
    else:
        net = _with_weights(spec, weights, input_size, options)
    if weights is not None or head.hidden is not None:
        replace_head(net, spec, len(class_names), head)
    if normalisation == "backbone" or (normalisation == "auto" and weights is not None):
        mean, std = _wanted_normalisation(spec, weights)
    else:
        mean, std = dataset_mean, dataset_std
    classifier = Classifier(net, spec, class_names, mean, std, input_size, options, head)
    if lora is not None:
        classifier.adapt(lora)
    return classifier


def build_pretrained(
    backbone: str,
    weights: BackboneWeights,
    input_size: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> Classifier:
    """A network exactly as its pretrained weights made it, the head of the source task included.

    Its classes are named by number ("0", "1", …): weights do not say what their outputs mean.
    """
    spec = get_backbone(backbone)
    spec.require_input_size(input_size)
    net = _with_weights(spec, weights, input_size, options)
    names = [str(number) for number in range(weights.head_outputs(spec))]
    normalisation = _wanted_normalisation(spec, weights)
    head = Head(weights.head_hidden(spec))
    return Classifier(net, spec, names, *normalisation, input_size, options, head)


def _with_weights(
    spec: BackboneSpec,
    weights: BackboneWeights,
    input_size: int | None,
    options: Mapping[str, Any] | None,
) -> nn.Module:
    """The network of some weights, with the head that they were trained with."""
    net = spec.build(weights.head_outputs(spec), input_size, options)
    if hidden := weights.head_hidden(spec):
        replace_head(net, spec, weights.head_outputs(spec), Head(hidden))
    load_into(net, spec, weights)
    return net


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


def _resolve(net: nn.Module, path: str) -> nn.Module | nn.Parameter | None:
    parent, _, name = path.rpartition(".")
    part = getattr(net.get_submodule(parent), name)
    assert part is None or isinstance(part, nn.Module | nn.Parameter)
    return part
