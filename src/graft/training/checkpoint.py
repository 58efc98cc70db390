"""A trained classifier as tensors and plain metadata: nothing in it can be executed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from graft.models.classifier import Classifier


@dataclass(frozen=True)
class Checkpoint:
    """A classifier's weights and what it takes to build it again.

    Attributes:
        weights: State dict of the network, head included, on the CPU. Under the same names as
            published weights, so that a checkpoint can be the `model.weights` of another run;
            low-rank changes are part of the weights that they change.
        metadata: JSON types only: backbone, options, head, class_names, mean, std, input_size,
            lora (how it was trained, or None), epoch and whatever a run wants to remember
            (seconds, parameters, weights that it began with).
    """

    weights: dict[str, torch.Tensor]
    metadata: dict[str, Any] = field(default_factory=dict)


def make_checkpoint(
    model: Classifier, state: dict[str, torch.Tensor], **remembered: Any
) -> Checkpoint:
    """A checkpoint of `state`, on the CPU, with all that `restore_classifier` needs."""
    from graft.models.lora import merge_adapters

    metadata = {
        "backbone": model.spec.name,
        "options": dict(model.options),
        "head": asdict(model.head_kind),
        "class_names": list(model.class_names),
        "mean": [round(value, 6) for value in model.mean.flatten().tolist()],
        "std": [round(value, 6) for value in model.std.flatten().tolist()],
        "input_size": model.input_size,
        "lora": asdict(model.lora) if model.lora else None,
        **remembered,
    }
    return Checkpoint(merge_adapters(model.net, state), metadata)


def restore_classifier(checkpoint: Checkpoint) -> Classifier:
    """The classifier of a checkpoint, in evaluation mode on the CPU.

    Raises:
        GraftError: The weights do not fit the backbone that the metadata names.
    """
    from graft.models.backbones import get_backbone
    from graft.models.classifier import Classifier
    from graft.models.heads import Head, replace_head
    from graft.models.weights import BackboneWeights, load_into

    metadata = checkpoint.metadata
    spec = get_backbone(metadata["backbone"])
    head = Head(**metadata["head"])
    outputs = len(metadata["class_names"])
    net = spec.build(outputs, metadata["input_size"], metadata["options"])
    if head.hidden is not None:
        replace_head(net, spec, outputs, head)
    load_into(net, spec, BackboneWeights(checkpoint.weights, "the checkpoint"))
    model = Classifier(
        net,
        spec,
        metadata["class_names"],
        metadata["mean"],
        metadata["std"],
        metadata["input_size"],
        metadata["options"],
        head,
    )
    return model.eval()


def in_half_precision(checkpoint: Checkpoint) -> Checkpoint:
    """The same checkpoint with its floating-point tensors in float16: half the size.

    Weights are read back in float32, rounded to 11 significant bits.
    """
    import torch

    weights = {
        name: tensor.half() if tensor.dtype == torch.float32 else tensor
        for name, tensor in checkpoint.weights.items()
    }
    return Checkpoint(weights, {**checkpoint.metadata, "stored_as": "float16"})
