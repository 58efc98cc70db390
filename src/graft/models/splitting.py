"""A classifier cut in two: what gives the same for an image in every epoch, and what is trained.

The cut is found in the network's own forward pass, which `torch.fx` writes down as a graph (Reed et
al. 2022) with the stages as its smallest parts. What depends on a trained weight, or does
otherwise in training than in evaluation, is the trained part, and so is all that comes after it;
everything before is the frozen part. Where only the head is trained, that is all but the head.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import fx, nn

from graft.models.classifier import Classifier
from graft.models.tracing import trace

if TYPE_CHECKING:
    from collections.abc import Sequence

_STATISTICS = (nn.modules.batchnorm._NormBase,)
_RANDOM = (nn.modules.dropout._DropoutNd,)


class FrozenPart(Classifier):
    """Images (B, 3, H, W) to activations (B, …), in the order of dimensions that `order` says.

    Args:
        whole: The classifier that it is a part of.
        net: From normalised images to activations.
        order: In which order an activation's dimensions lie in memory.
    """

    def __init__(self, whole: Classifier, net: nn.Module, order: Sequence[int]) -> None:
        super().__init__(net, *_description(whole, net))
        self.order = tuple(order)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return super().forward(images).permute(self.order).contiguous()


class TrainedPart(Classifier):
    """Activations of a `FrozenPart` to logits (B, num_classes), by another classifier's own layers.

    What is trained here is trained there. Its state dict has the entries of these layers under the
    names that they have in the whole network, so that the one can be put into the other.

    Args:
        whole: The classifier that it is a part of.
        net: From activations to logits.
        order: The order of dimensions that activations come in.
    """

    def __init__(self, whole: Classifier, net: nn.Module, order: Sequence[int]) -> None:
        super().__init__(net, *_description(whole, net))
        self._back = tuple(sorted(range(len(order)), key=lambda place: order[place]))
        inside = set(net.modules())
        self._frozen = tuple(module for module in whole._frozen if module in inside)

    def forward(self, activations: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.net(activations.permute(self._back))
        return logits


class Split(NamedTuple):
    """The two parts of a classifier.

    Attributes:
        frozen: From images to activations.
        trained: From these to logits.
        last: What the frozen part ends with, by its path in the network.
        saved: How many of a training step's multiply-accumulates the frozen part does, a share.
    """

    frozen: FrozenPart
    trained: TrainedPart
    last: str
    saved: float


def split(model: Classifier, images: torch.Tensor) -> Split | str:
    """Cut a classifier behind what is frozen, if one tensor is all that passes the cut.

    The parts share the classifier's modules. Whether they do what the whole does is for the caller
    to compare: a graph knows nothing of what hides inside a stage.

    Args:
        model: The classifier, frozen as wanted; it is left in training mode.
        images: uint8 or float in [0, 1], (B, 3, H, W), on its device; a few.

    Returns:
        The parts, or why there are none.
    """
    model.train()
    parts = [path for paths in model.spec.stages(model.net).values() for path in paths]
    try:
        graph = _Tracer([*parts, model.spec.head]).trace(model.net)
    except Exception as error:  # whatever a network does that depends on numbers
        reason = str(error).partition("\n")[0]
        return f"the forward pass of {model.spec.name} cannot be written as a graph ({reason})"
    trained = _trained_nodes(model.net, graph)
    sources = {source for node in trained for source in node.all_input_nodes}
    trained |= {source for source in sources if source.op == "get_attr"}
    passing = sources - trained
    if any(node.op == "placeholder" for node in passing):
        return "the network's first layers are trained"
    if len(passing) != 1:
        return "more than one tensor goes from what is frozen to what is trained"
    (cut,) = passing
    ancestors = _ancestors(cut)
    first = fx.GraphModule(model.net, _copy(graph, ancestors, None, cut))
    second = fx.GraphModule(model.net, _copy(graph, trained, cut, None))
    called = [str(node.target) for node in graph.nodes if node in ancestors and _is_call(node)]
    if not called:
        return "no layer is frozen before the first that is trained"
    with torch.inference_mode():
        sample = Classifier.forward(FrozenPart(model, first, ()), images)
    if not isinstance(sample, torch.Tensor):
        return "no tensor goes from what is frozen to what is trained"
    strides = sample.stride()
    order = sorted(range(sample.ndim), key=lambda dimension: -strides[dimension])
    order = [0, *(dimension for dimension in order if dimension)]
    return Split(
        FrozenPart(model, first, order),
        TrainedPart(model, second, order),
        called[-1],
        _share_saved(model, images.shape[-1], called),
    )


def whole_state(
    whole: Classifier, trained_state: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """State dict of the whole network on the CPU, with these weights of its trained part."""
    return {
        name: (
            trained_state[name] if name in trained_state else tensor.detach().to("cpu", copy=True)
        )
        for name, tensor in whole.net.state_dict().items()
    }


class _Tracer(fx.Tracer):
    """Writes down a forward pass, module by module; only what holds several parts is opened."""

    def __init__(self, parts: Sequence[str]) -> None:
        super().__init__()
        names = [path.split(".") for path in parts]
        self._opened = {".".join(path[:depth]) for path in names for depth in range(len(path))}

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return module_qualified_name not in self._opened


def _trained_nodes(net: nn.Module, graph: fx.Graph) -> set[fx.Node]:
    """What is computed anew in each epoch, the output included."""
    found: set[fx.Node] = set()
    for node in graph.nodes:
        changes = any(source in found for source in node.all_input_nodes)
        if node.op == "call_module":
            changes = changes or _changes(net.get_submodule(str(node.target)))
        elif node.op == "get_attr":
            parameter = dict(net.named_parameters()).get(str(node.target))
            changes = parameter is not None and parameter.requires_grad
        if changes or node.op == "output":
            found.add(node)
    return found


def _changes(module: nn.Module) -> bool:
    """Whether it is trained, learns statistics, or draws random numbers in training."""
    if any(parameter.requires_grad for parameter in module.parameters()):
        return True
    lively = [part for part in module.modules() if part.training]
    return any(
        (isinstance(part, _RANDOM) and part.p > 0)
        or (isinstance(part, _STATISTICS) and part.running_mean is not None)
        for part in lively
    )


def _ancestors(node: fx.Node) -> set[fx.Node]:
    """All that a node is computed from, itself included."""
    found, left = set[fx.Node](), [node]
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += one.all_input_nodes
    return found


def _copy(
    graph: fx.Graph, nodes: set[fx.Node], begin: fx.Node | None, end: fx.Node | None
) -> fx.Graph:
    """Some nodes as a graph: `begin` becomes its input, `end` is returned."""
    copied = fx.Graph()
    places: dict[fx.Node, fx.Node] = {}
    if begin is not None:
        places[begin] = copied.placeholder("activations")
    for node in graph.nodes:
        if node in nodes:
            places[node] = copied.node_copy(node, lambda source: places[source])
    if end is not None:
        copied.output(places[end])
    return copied


def _is_call(node: fx.Node) -> bool:
    return node.op == "call_module"


def _share_saved(model: Classifier, image_size: int, called: Sequence[str]) -> float:
    """Of a step: what is trained is passed forwards, and backwards at twice the cost."""
    frozen = trained = 0
    for path, module in trace(model, image_size).items():
        if any(path == part or path.startswith(f"{part}.") for part in called):
            frozen += module.multiply_accumulates
        else:
            trained += module.multiply_accumulates
    return frozen / max(1, frozen + 3 * trained)


def _description(whole: Classifier, net: nn.Module) -> tuple[Any, ...]:
    """What `Classifier` wants to know besides the network; the stages are those that are in it."""
    inside = {path for path, _ in (*net.named_modules(), *net.named_parameters())}
    stages = {
        name: paths
        for name, paths in whole.spec.stages(whole.net).items()
        if all(path in inside for path in paths)
    }
    return (
        dataclasses.replace(whole.spec, stages=lambda _: stages),
        whole.class_names,
        whole.mean.flatten().tolist(),
        whole.std.flatten().tolist(),
        whole.input_size,
        whole.options,
        whole.head_kind,
    )
