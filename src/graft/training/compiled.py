"""A network through torch's compiler (Ansel et al. 2024), with the network as a way out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from graft.models.classifier import Classifier

logger = logging.getLogger(__name__)

_REASON = 300  # characters of a compiler's complaint


def compile_network(model: Classifier) -> None:
    """Let a network's forward passes go through `torch.compile` from now on.

    The network stays what it is: the names in its state dict, its hooks and its copies, which are
    not compiled. What the compiler fails at is computed as usual, with a warning.

    The batch is a dimension of any size: batches of an epoch differ by an image, and a program for
    each size would take minutes each.
    """
    try:
        model.net.compile(backend=_inductor_or_eager, dynamic=True)
    except RuntimeError as error:  # a Python or a system without a compiler
        _warn(error)


def _inductor_or_eager(
    graph: torch.fx.GraphModule, inputs: list[torch.Tensor]
) -> Callable[..., Any]:
    """torch's default backend; where it fails, the graph as it is."""
    from torch._dynamo import lookup_backend
    from torch._dynamo.exc import RestartAnalysis

    try:
        compiled: Callable[..., Any] = lookup_backend("inductor")(graph, inputs)
    except RestartAnalysis:  # no fault: the compiler wants to see the network once more
        raise
    except Exception as error:  # no C++ compiler, no Triton, or one of their many faults
        _warn(error)
        return graph.forward
    return compiled


def _warn(error: Exception) -> None:
    logger.warning(
        "compute.compile: the network is not compiled but computed as usual (%s).",
        " ".join(str(error).split())[:_REASON],
    )
