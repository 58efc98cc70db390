"""All that a training needs to go on to the same bits after it was stopped or killed.

Tensors and plain JSON values, nothing that could be executed. The order of the images and their
augmentation are functions of (seed, epoch, image) and need no state; dropout draws from torch's
generator, which is saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from graft.errors import GraftError
from graft.nested import leaves

if TYPE_CHECKING:
    import torch

SHOWN = 6  # differences in a message


@dataclass(frozen=True)
class TrainingState:
    """A training at the end of a batch.

    Attributes:
        tensors: By name, on the CPU: "model/…", "best/…", "average/…", "optimizer/<n>/<name>",
            "random/<device>".
        progress: JSON types: epoch, batches done in it, history, and whatever else changes.
        setup: JSON types: what has to be the same for the bits to be.
    """

    tensors: dict[str, torch.Tensor]
    progress: dict[str, Any]
    setup: dict[str, Any]

    def part(self, name: str) -> dict[str, torch.Tensor]:
        """The tensors below `name`, with the rest of their names."""
        prefix = f"{name}/"
        return {k.removeprefix(prefix): v for k, v in self.tensors.items() if k.startswith(prefix)}


class StateKeeper(Protocol):
    """Where states are kept: a folder, behind the catalog."""

    def save(self, state: TrainingState) -> None:
        """Keep this state beside the one before."""

    def newest(self) -> TrainingState | None:
        """The newest state that is whole, or None."""


def below(name: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors under a common name, copied to the CPU: training goes on without touching them."""
    return {f"{name}/{k}": v.detach().to("cpu", copy=True) for k, v in tensors.items()}


def optimizer_state(optimizer: torch.optim.Optimizer) -> tuple[dict[str, torch.Tensor], Any]:
    """An optimizer's tensors ("optimizer/<parameter>/<name>") and its groups as JSON types."""
    import torch

    state = optimizer.state_dict()
    tensors = {
        f"{number}/{name}": value
        for number, values in state["state"].items()
        for name, value in values.items()
        if isinstance(value, torch.Tensor)
    }
    return below("optimizer", tensors), state["param_groups"]


def restore_optimizer(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor], groups: Any
) -> None:
    """Put back what `optimizer_state` took; `tensors` by "<parameter>/<name>"."""
    import torch

    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        number, name = key.split("/")
        parameter = parameters[int(number)]
        if tensor.shape == parameter.shape:
            # Fused kernels walk through parameter and momentum alike: in the same memory format.
            tensor = torch.empty_like(parameter).copy_(tensor)
        state.setdefault(int(number), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def random_state(device: str) -> dict[str, torch.Tensor]:
    """The state of torch's generators: "cpu" and, on such a device, "cuda"."""
    import torch

    states = {"cpu": torch.get_rng_state()}
    if device.startswith("cuda"):
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def restore_random_state(states: Mapping[str, torch.Tensor], device: str) -> None:
    """Put back what `random_state` took."""
    import torch

    torch.set_rng_state(states["cpu"])
    if "cuda" in states and device.startswith("cuda"):
        torch.cuda.set_rng_state(states["cuda"], device)


def require_same_setup(then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to go on under other conditions: the result would be neither of the two.

    Raises:
        GraftError: Something differs; the message says what it was and what it is.
    """
    old, new = dict(leaves(then)), dict(leaves(now))
    differing = [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
    if not differing:
        return
    lines = [f"  {key}: {old.get(key)!r} then, {new.get(key)!r} now" for key in differing[:SHOWN]]
    lines += ["  …"] if len(differing) > SHOWN else []
    raise GraftError(
        "training.resume: the training that was interrupted had other conditions:\n"
        + "\n".join(lines)
        + "\nGive the old ones to go on with it, or training.resume: never to begin anew."
    )
