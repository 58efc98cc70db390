"""What a network leaves open: its options, their allowed values and their check.

A network's spec declares them, `model.options` chooses, and a checkpoint remembers all of them,
the defaults too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graft.errors import GraftError, did_you_mean


@dataclass(frozen=True)
class Option:
    """One choice.

    Attributes:
        default: The value where `model.options` says nothing.
        doc: What it is, in a line.
        expected: The allowed values, in words.
        allows: Whether a value is one of them.
        choices: The allowed values where they are names, to find the nearest of a misspelt one.
    """

    default: Any
    doc: str
    expected: str
    allows: Callable[[Any], bool]
    choices: tuple[str, ...] = ()


def one_of(default: Any, *others: Any, doc: str) -> Option:
    """One of some names or numbers, the default first."""
    choices = (default, *others)
    return Option(
        default,
        doc,
        f"one of {', '.join(map(str, choices))}",
        # `1 == True` in Python; in parameters they are different things.
        lambda value: any(type(value) is type(known) and value == known for known in choices),
        tuple(choice for choice in choices if isinstance(choice, str)),
    )


def flag(default: bool, *, doc: str) -> Option:
    """True or false."""
    return Option(default, doc, "true or false", lambda value: isinstance(value, bool))


def count(default: int, *, doc: str) -> Option:
    """A whole number from 1."""
    return Option(default, doc, "a whole number from 1", _is_count)


def share(default: float, *, doc: str) -> Option:
    """A number from 0 to less than 1."""
    return Option(default, doc, "a number from 0 to less than 1", _is_share)


def counts(default: list[int], *, doc: str, length: int | None = None) -> Option:
    """A list of whole numbers from 1, `length` of them or at least one."""
    return Option(
        default,
        doc,
        f"a list of {length or 'one or more'} whole numbers from 1",
        lambda value: _are_counts(value) and length in (None, len(value)),
    )


def odd_sizes(default: int, layers: int, *, doc: str) -> Option:
    """An odd whole number, or one for each of `layers` layers: kernels that keep the size."""

    def allows(value: Any) -> bool:
        sizes = [value] if isinstance(value, int) else value
        return (
            _are_counts(sizes)
            and all(size % 2 for size in sizes)
            and (len(sizes) == layers or isinstance(value, int))
        )

    return Option(default, doc, f"an odd whole number or a list of {layers}", allows)


def choose_options(
    network: str, options: Mapping[str, Option], chosen: Mapping[str, Any]
) -> dict[str, Any]:
    """All of a network's options, those that nobody chose at their defaults.

    Args:
        network: The backbone's name, for messages.
        options: What it declares.
        chosen: What `model.options` says.

    Raises:
        GraftError: An option that the network does not have, or a value that it does not allow.
    """
    for name, value in chosen.items():
        if name not in options:
            raise GraftError(_unknown(network, name, options))
        option = options[name]
        if not option.allows(value):
            hint = did_you_mean(value, map(str, option.choices))
            raise GraftError(
                f"model.options.{name}: {value!r} is not {option.expected}{hint}. "
                f"({network}: {option.doc})"
            )
    return {name: chosen.get(name, option.default) for name, option in options.items()}


def _unknown(network: str, name: str, options: Mapping[str, Option]) -> str:
    if not options:
        return (
            f"model.options.{name}: {network} has no options. "
            "Remove it, or choose the backbone that it is for."
        )
    return (
        f"model.options.{name}: {network} has no such option{did_you_mean(name, options)}. "
        f"It has {', '.join(options)}."
    )


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 1


def _is_share(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 1


def _are_counts(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) > 0 and all(map(_is_count, value))
