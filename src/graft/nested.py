"""Nested dicts by dotted names: {"a": {"b": 1}} has "a.b"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def leaves(
    nested: Mapping[str, Any], prefix: str = "", *, with_empty: bool = False
) -> Iterator[tuple[str, Any]]:
    """The values of a nested dict under their dotted names.

    Args:
        nested: The dict.
        prefix: What all names begin with.
        with_empty: Whether an empty dict inside is a value, too, and not passed over.

    >>> dict(leaves({"a": {"b": 1}, "c": {}}))
    {'a.b': 1}
    >>> dict(leaves({"a": {"b": 1}, "c": {}}, with_empty=True))
    {'a.b': 1, 'c': {}}
    """
    for key, value in nested.items():
        if isinstance(value, Mapping) and (value or not with_empty):
            yield from leaves(value, f"{prefix}{key}.", with_empty=with_empty)
        else:
            yield f"{prefix}{key}", value
