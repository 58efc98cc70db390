"""One forward pass without numbers: output shapes and multiply-accumulates, layer by layer.

The pass runs on torch's meta device, wherever the weights are: nothing is computed and no memory
is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graft.errors import GraftError

if TYPE_CHECKING:
    import torch

    from graft.models.classifier import Classifier


@dataclass
class TracedModule:
    """A module that was called.

    Attributes:
        shape: Of its output, the batch left out.
        multiply_accumulates: Of an image, those of the modules that it calls left out.
    """

    shape: tuple[int, ...]
    multiply_accumulates: int


def trace(model: Classifier, image_size: int) -> dict[str, TracedModule]:
    """The modules of `model.net` that an image passes, in the order in which they end.

    Multiply-accumulates are those of convolutions, linear layers and the matrix products of
    attention: half the operations that `torch.utils.flop_counter` counts. Biases, normalisation,
    activations, pools, additions and resizing are not counted.

    Args:
        model: The classifier; it is traced in evaluation mode and left in the mode that it was in.
        image_size: Side length of its images in pixels, before any resizing of its own.

    Returns:
        By path in the network, which is "" itself.

    Raises:
        GraftError: The network cannot take images of that size.
    """
    import torch
    from torch.func import functional_call
    from torch.utils.flop_counter import FlopCounterMode

    net = model.net
    size = model.input_size or image_size
    weights = {name: tensor.to("meta") for name, tensor in net.named_parameters()}
    weights |= {name: tensor.to("meta") for name, tensor in net.named_buffers()}
    counter = FlopCounterMode(display=False)
    ledger = _Ledger(counter.get_total_flops)
    handles = [
        handle
        for path, module in net.named_modules()
        if "parametrizations" not in path.split(".")  # what is done to a weight belongs to its user
        for handle in (
            module.register_forward_pre_hook(ledger.begin),
            module.register_forward_hook(ledger.end(path)),
        )
    ]
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad(), counter:
            functional_call(net, weights, torch.empty(1, 3, size, size, device="meta"))
    except RuntimeError as error:
        raise GraftError(
            f"model.input_size: {model.spec.name} cannot take images of {size} pixels "
            f"({str(error).splitlines()[0]}). Set another model.input_size; "
            f"{model.spec.input_size} fits."
        ) from error
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    return ledger.traced


def require_image_size(model: Classifier, image_size: int) -> None:
    """Check that images of `image_size` pixels pass through the network, before any do.

    Raises:
        GraftError: They do not: too small for its pools, or another size than it is made for.
    """
    trace(model, image_size)


class _Ledger:
    """Books operations to the module that does them, by what a counter says as modules end."""

    def __init__(self, total: Callable[[], int]) -> None:
        self.traced: dict[str, TracedModule] = {}
        self._total = total
        self._open: list[list[int]] = []  # of each module under way: count at its start, of callees

    def begin(self, _module: Any, _inputs: Any) -> None:
        self._open.append([self._total(), 0])

    def end(self, path: str) -> Callable[[Any, Any, Any], None]:
        def book(_module: Any, _inputs: Any, output: Any) -> None:
            start, of_callees = self._open.pop()
            operations = self._total() - start
            if self._open:
                self._open[-1][1] += operations
            seen = self.traced.setdefault(path, TracedModule(_shape(output), 0))
            seen.multiply_accumulates += (operations - of_callees) // 2

        return book


def _shape(output: torch.Tensor | tuple[Any, ...]) -> tuple[int, ...]:
    """Of a tensor or the first of several (attention also returns its weights)."""
    tensor = output[0] if isinstance(output, tuple) else output
    return tuple(tensor.shape[1:])
