"""A policy: operations in order, and whether samples are mixed with others."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from graft.errors import GraftError, did_you_mean
from graft.images.augmentation.automatic import RandAugment, TrivialAugment
from graft.images.augmentation.colour import ColorJitter
from graft.images.augmentation.crops import HorizontalFlip, RandomCrop, RandomResizedCrop
from graft.images.augmentation.erasing import RandomErasing
from graft.images.augmentation.operation import Operation
from graft.images.augmentation.warps import Affine, Rotation
from graft.images.conversion import to_bytes, to_float
from graft.seeding import derive_seed, uniforms

if TYPE_CHECKING:
    import torch

OPERATIONS: dict[str, type[Operation]] = {
    operation.name: operation
    for operation in cast(
        "tuple[type[Operation], ...]",
        (
            RandomCrop,
            RandomResizedCrop,
            HorizontalFlip,
            Rotation,
            Affine,
            ColorJitter,
            RandomErasing,
            RandAugment,
            TrivialAugment,
        ),
    )
}


@dataclass(frozen=True)
class Policy:
    """What happens to a training image; the empty policy is the identity.

    Attributes:
        operations: One after another.
        mixup: Alpha of MixUp's Beta distribution (Zhang et al. 2018), 0 for none.
        cutmix: Alpha of CutMix's (Yun et al. 2019), 0 for none. With both, each sample gets one of
            the two, with probability one half.
    """

    operations: tuple[Operation, ...] = ()
    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self) -> None:
        for name, alpha in (("mixup", self.mixup), ("cutmix", self.cutmix)):
            if not (isinstance(alpha, int | float) and 0 <= alpha < math.inf):
                raise GraftError(
                    f"augmentation.{name} is {alpha!r}; it should be the alpha of a Beta "
                    "distribution, such as 0.2, or 0 for none."
                )

    @property
    def mixes(self) -> bool:
        """Whether samples are mixed with others, which `graft.training.views` does."""
        return self.mixup > 0 or self.cutmix > 0

    def apply(
        self, images: torch.Tensor, indices: torch.Tensor, seed: int, epoch: int
    ) -> torch.Tensor:
        """Augment a batch, each sample on its own; mixing is not done here.

        An operation's numbers come from a stream of its own: two policies that share an operation
        do the same to an image there.

        Args:
            images: uint8 (B, 3, H, W) on any device.
            indices: int64 (B,) on the CPU, the samples' positions in the image store.
            seed: The run's seed.
            epoch: The epoch, counted from 1.

        Returns:
            (B, 3, H', W') on the same device, as the last operation gives them: uint8, or float32
            in [0, 1]. Networks take either.
        """
        seen: Counter[str] = Counter()
        for operation in self.operations:
            stream = derive_seed(seed, operation.name, seen[operation.name])
            seen[operation.name] += 1
            numbers = uniforms(stream, epoch, indices, operation.numbers).double()
            if operation.pixels == "bytes":
                images = to_bytes(images)
            elif operation.pixels == "floats":
                images = to_float(images)
            images = operation.apply(images, numbers)
        return images

    def as_parameters(self) -> dict[str, Any]:
        """The parameters that `policy_from_parameters` makes this policy of, with all fields."""
        operations = []
        for operation in self.operations:
            fields = dataclasses.asdict(cast("Any", operation))
            values = {k: list(v) if isinstance(v, tuple) else v for k, v in fields.items()}
            operations.append({operation.name: values})
        return {"policy": operations, "mixup": self.mixup, "cutmix": self.cutmix}

    def describe(self) -> str:
        """One line, such as "random_crop (padding 4), horizontal_flip, mixup 0.2"."""
        return ", ".join(self._parts()) or "none"

    def _parts(self) -> Iterator[str]:
        for operation in self.operations:
            told = [
                f"{field.name} {getattr(operation, field.name)}"
                for field in _fields(type(operation))
                if getattr(operation, field.name) != field.default
            ]
            yield f"{operation.name} ({', '.join(told)})" if told else operation.name
        for name, alpha in (("mixup", self.mixup), ("cutmix", self.cutmix)):
            if alpha:
                yield f"{name} {alpha:g}"


def policy_from_parameters(parameters: Mapping[str, Any]) -> Policy:
    """The policy of the `augmentation` parameters.

    >>> policy_from_parameters({"policy": "flip_crop", "mixup": 0.2, "cutmix": 0.0}).describe()
    'random_crop (padding 4), horizontal_flip, mixup 0.2'

    Args:
        parameters: `policy` (the name of a policy, or a list of operations, each a name or
            {name: {field: value}}), `mixup` and `cutmix`.

    Raises:
        GraftError: An unknown name, with the nearest one, or a field out of its range.
    """
    from graft.images.augmentation.named import get_policy

    chosen = parameters["policy"]
    if isinstance(chosen, str):
        operations = get_policy(chosen).operations
    elif isinstance(chosen, list | tuple):
        operations = tuple(map(_make_operation, chosen))
    else:
        raise GraftError(
            f"augmentation.policy is {chosen!r}; it should be a policy's name or a list of "
            "operations, such as [horizontal_flip, {random_crop: {padding: 4}}]."
        )
    return Policy(operations, parameters["mixup"], parameters["cutmix"])


def _make_operation(item: Any) -> Operation:
    """An operation of "name" or {name: {field: value}}."""
    if isinstance(item, str):
        item = {item: {}}
    if not isinstance(item, Mapping) or len(item) != 1:
        raise GraftError(
            f"augmentation.policy: {item!r} is no operation. Write its name, or {{name: {{field: "
            "value}}, such as {random_crop: {padding: 4}}."
        )
    ((name, fields),) = item.items()
    if name not in OPERATIONS:
        raise GraftError(
            f"augmentation.policy: there is no operation '{name}'{did_you_mean(name, OPERATIONS)}. "
            f"Operations: {', '.join(OPERATIONS)}."
        )
    if not isinstance(fields, Mapping | None):
        raise GraftError(f"augmentation.policy: {name} takes fields and values, not {fields!r}.")
    fields = fields or {}
    known = {field.name: field for field in _fields(OPERATIONS[name])}
    for field in fields:
        if field not in known:
            raise GraftError(
                f"augmentation.policy: {name} has no field '{field}'{did_you_mean(field, known)}. "
                f"Fields: {', '.join(known) or 'none'}."
            )
    for field in known:
        if field not in fields and known[field].default is dataclasses.MISSING:
            raise GraftError(f"augmentation.policy: {name} needs its field '{field}'.")
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
    return OPERATIONS[name](**values)


def _fields(operation: type[Operation]) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(cast("Any", operation))
