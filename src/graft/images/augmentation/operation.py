"""What an augmentation operation is, and the checks of its fields.

An operation declares how many uniform numbers it needs for a sample and applies itself to a batch
with them. It draws nothing itself: what happens to a sample is a function of the sample's numbers,
whatever batch it comes in. Numbers are turned into angles, offsets and the like on the CPU, in
float64, so that every device does the same to an image; the pixels stay where they are.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from graft.errors import GraftError

if TYPE_CHECKING:
    import torch

Pixels = Literal["bytes", "floats", "either"]


class Operation(Protocol):
    """One step of a policy, a frozen dataclass of its magnitudes.

    Attributes:
        name: What parameters call it.
        pixels: What it works on: "bytes" (uint8), "floats" (float32 in [0, 1]) or "either". The
            policy converts where it has to.
    """

    name: ClassVar[str]
    pixels: ClassVar[Pixels]

    @property
    def numbers(self) -> int:
        """How many uniform numbers a sample takes."""
        ...

    def apply(self, images: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        """Change each sample by its own numbers.

        Args:
            images: (B, 3, H, W) on any device, of the dtype that `pixels` asks for.
            numbers: float64 (B, self.numbers) in [0, 1), on the CPU.

        Returns:
            (B, 3, H', W') of the same dtype, on the same device; `images` itself is not changed.
        """
        ...


def between(low: float, high: float, numbers: torch.Tensor) -> torch.Tensor:
    """Uniform numbers in [0, 1) moved to [low, high)."""
    return low + (high - low) * numbers


def exact_mean(images: torch.Tensor, dims: tuple[int, ...]) -> torch.Tensor:
    """Mean over `dims` as float32, by a sum of integers.

    A sum of floats depends on the order of its terms, hence on the batch and the device.

    Args:
        images: uint8, or float32 in [0, 1], which is rounded to multiples of 2^-16 first.
        dims: Kept as dimensions of length one.
    """
    count = math.prod(images.shape[dim] for dim in dims)
    if not images.is_floating_point():
        return images.sum(dim=dims, keepdim=True).float() / count
    whole = images.mul(2**16).round_().long()
    return whole.sum(dim=dims, keepdim=True).float() / (count * 2**16)


def check_whole(operation: Operation, field: str, low: int, high: int | None = None) -> None:
    """Raise GraftError unless the field is a whole number from `low` to `high`."""
    value = getattr(operation, field)
    if type(value) is int and low <= value <= (math.inf if high is None else high):
        return
    limits = f"of at least {low}" if high is None else f"from {low} to {high}"
    raise wrong_field(operation, field, f"a whole number {limits}")


def check_number(operation: Operation, field: str, low: float, high: float) -> None:
    """Raise GraftError unless the field is a number from `low` to `high`."""
    value = getattr(operation, field)
    if not (_is_number(value) and low <= value <= high):
        raise wrong_field(operation, field, f"a number from {low:g} to {high:g}")


def check_interval(operation: Operation, field: str, low: float, high: float) -> None:
    """Raise GraftError unless the field is a pair of numbers, low <= first <= second <= high."""
    value = getattr(operation, field)
    is_pair = isinstance(value, tuple) and len(value) == 2 and all(map(_is_number, value))
    if not (is_pair and low <= value[0] <= value[1] <= high):
        raise wrong_field(
            operation, field, f"two ascending numbers from {low:g} to {high:g}, as [low, high]"
        )


def check_choice(operation: Operation, field: str, choices: tuple[str, ...]) -> None:
    """Raise GraftError unless the field is one of `choices`."""
    if getattr(operation, field) not in choices:
        raise wrong_field(operation, field, " or ".join(f"'{choice}'" for choice in choices))


def check_any(operation: Operation, *fields: str) -> None:
    """Raise GraftError where all of these fields have their defaults: then nothing would happen."""
    if all(getattr(operation, field) == getattr(type(operation), field) for field in fields):
        set_one = " or ".join(fields)
        raise GraftError(
            f"augmentation.policy: {operation.name} would change nothing: set {set_one}."
        )


def wrong_field(operation: Operation, field: str, expected: str) -> GraftError:
    """The error that a field's value deserves."""
    value = getattr(operation, field)
    shown = list(value) if isinstance(value, tuple) else value
    return GraftError(
        f"augmentation.policy: {operation.name}.{field} is {shown!r}; it should be {expected}."
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
