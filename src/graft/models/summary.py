"""What a network consists of: stages or layers, shapes, parameters, multiply-accumulates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable
from typing import TYPE_CHECKING

from graft.models.tracing import trace

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

    from graft.models.classifier import Classifier


def stage_summary(model: Classifier, image_size: int) -> pd.DataFrame:
    """A row for each stage and for the head.

    Args:
        model: The classifier.
        image_size: Side length of its images in pixels, before any resizing of its own.

    Returns:
        Columns stage, output_shape (without the batch), parameters, trainable_parameters,
        trained ("yes", "no" or "partly"), multiply_accumulates (of one image, as `trace` counts
        them), and a last row of totals.

    Raises:
        GraftError: The network cannot take images of that size.
    """
    import pandas as pd

    net = model.net
    traced = trace(model, image_size)
    rows = []
    for stage, paths in {**model.spec.stages(net), "head": (model.spec.head,)}.items():
        total, trainable = _count(p for name, p in net.named_parameters() if _within(name, paths))
        operations = sum(
            module.multiply_accumulates for path, module in traced.items() if _within(path, paths)
        )
        last = traced.get(paths[-1])
        shape = _written(last.shape) if last else ""
        rows.append((stage, shape, total, trainable, _trained(total, trainable), operations))
    total, trainable = _count(net.parameters())
    operations = sum(module.multiply_accumulates for module in traced.values())
    rows.append(("total", "", total, trainable, _trained(total, trainable), operations))
    columns = ("stage", "output_shape", "parameters", "trainable_parameters", "trained")
    return pd.DataFrame(rows, columns=[*columns, "multiply_accumulates"])


def layer_summary(model: Classifier, image_size: int) -> pd.DataFrame:
    """A row for each layer in the order in which an image passes them.

    Layers are the modules that call no other, and those that have weights of their own or
    multiply on their own, such as an attention around its projections; weights that a module
    uses without calling the module that holds them count as its own. What is not a module (a
    functional ReLU, a shortcut's addition) has no row.

    Args:
        model: The classifier.
        image_size: Side length of its images in pixels, before any resizing of its own.

    Returns:
        Columns layer (its path in the network), kind, output_shape (without the batch),
        parameters, trainable_parameters, multiply_accumulates (of one image, as `trace` counts
        them), and a last row of totals.

    Raises:
        GraftError: The network cannot take images of that size.
    """
    import pandas as pd

    net = model.net
    traced = trace(model, image_size)
    weights: dict[str, list[nn.Parameter]] = defaultdict(list)
    for name, parameter in net.named_parameters():
        weights[_user(name, traced)].append(parameter)
    callers = {ancestor for path in traced for ancestor in _ancestors(path)}
    rows = []
    for path, module in traced.items():
        if path in callers and not weights[path] and not module.multiply_accumulates:
            continue
        kind = type(net.get_submodule(path)).__name__
        shape, operations = _written(module.shape), module.multiply_accumulates
        rows.append((path or "(network)", kind, shape, *_count(weights[path]), operations))
    operations = sum(module.multiply_accumulates for module in traced.values())
    rows.append(("total", "", "", *_count(net.parameters()), operations))
    columns = ("layer", "kind", "output_shape", "parameters", "trainable_parameters")
    return pd.DataFrame(rows, columns=[*columns, "multiply_accumulates"])


def count_multiply_accumulates(model: Classifier, image_size: int) -> int:
    """The multiply-accumulates of one image, as `trace` counts them.

    Raises:
        GraftError: The network cannot take images of that size.
    """
    return sum(module.multiply_accumulates for module in trace(model, image_size).values())


def _user(parameter: str, called: Container[str]) -> str:
    """The innermost of the called modules that hold a parameter."""
    path = parameter
    while path not in called:
        path = path.rpartition(".")[0]
    return path


def _ancestors(path: str) -> list[str]:
    """The modules that a module lies in: "a.b" and "a" and "" of "a.b.c"."""
    parts = path.split(".") if path else []
    return [".".join(parts[:length]) for length in range(len(parts))]


def _within(name: str, paths: tuple[str, ...]) -> bool:
    """Whether a module or parameter is one of `paths` or inside one of them."""
    return name in paths or name.startswith(tuple(f"{path}." for path in paths))


def _count(parameters: Iterable[nn.Parameter]) -> tuple[int, int]:
    """How many numbers they are, and how many of those are trained."""
    sizes = [(p.numel(), p.requires_grad) for p in parameters]
    return sum(size for size, _ in sizes), sum(size for size, trained in sizes if trained)


def _trained(total: int, trainable: int) -> str:
    if not total:
        return ""
    return "yes" if trainable == total else "partly" if trainable else "no"


def _written(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
