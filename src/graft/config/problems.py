"""What a user is told of wrong parameters: every problem, its file, the nearest right word."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from graft.errors import GraftError, did_you_mean

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


class ConfigError(GraftError):
    """Parameters or experiment files that cannot be used; the message lists every problem."""


def describe_problems(
    error: ValidationError,
    params: Mapping[str, Any],
    where: Mapping[str, str],
    known_keys: Collection[str],
) -> str:
    """A paragraph for each problem: key, value, the file that set it, and what it should be.

    Args:
        error: What pydantic found.
        params: The parameters it was found in.
        where: For each dotted key the file (or "--params") that set it.
        known_keys: All dotted keys of the schema.
    """
    # The members of a union each report an error of their own about one and the same value.
    problems: dict[tuple[str, ...], list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        problems.setdefault(_keys(details, params), []).append(details)

    paragraphs = []
    for keys, errors in problems.items():
        paragraphs += [f"  {key}{_value(params, key)}{_origin(where, key)}" for key in keys]
        paragraphs.append(f"      {_remedy(keys[0], errors, known_keys)}")
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return "\n".join([f"{count} in the parameters:", *paragraphs])


def _keys(details: ErrorDetails, params: Mapping[str, Any]) -> tuple[str, ...]:
    """The dotted keys an error is about, without pydantic's names of union members."""
    location = details["loc"]
    if details["type"] == "conflict":
        return tuple(_dotted(*location, key) for key in details["ctx"]["keys"])
    if details["type"] == "missing":
        return (_dotted(*location),)
    present: list[int | str] = []
    for part in location:
        if _look_up(params, _dotted(*present, part)) is _ABSENT:
            break
        present.append(part)
    return (_dotted(*present),)


def _remedy(key: str, errors: list[ErrorDetails], known_keys: Collection[str]) -> str:
    match errors[0]["type"]:
        case "extra_forbidden" if "." in str(errors[0]["loc"][-1]):
            return "is no parameter: outside of --params write {section: {name: value}}"
        case "extra_forbidden":
            return "is no parameter" + _nearest_key(key, known_keys)
        case "missing":
            return "is missing: conf/base holds a value for every parameter"
        case "model_type":
            return "should be a section of keys and values"
        case "conflict":
            return str(errors[0]["msg"])
    expectations = dict.fromkeys(details["msg"].removeprefix("Input ") for details in errors)
    first, *others = expectations
    choices = [
        choice
        for details in errors
        if details["type"] == "literal_error"
        for choice in re.findall(r"'([^']*)'", details["ctx"]["expected"])
    ]
    remedy = " or ".join([first, *(other.removeprefix("should be ") for other in others)])
    return remedy + did_you_mean(errors[0]["input"], choices)


def _nearest_key(key: str, known_keys: Collection[str]) -> str:
    """The same key of another section, else one of the same section that is spelt alike."""
    section, _, name = key.rpartition(".")
    split = [known.rpartition(".") for known in known_keys]
    siblings = [known_name for known_section, _, known_name in split if known_section == section]
    elsewhere = [f"{known_section}.{name}" for known_section, _, known in split if known == name]
    if elsewhere:
        return f"; did you mean '{elsewhere[0]}'?"
    return did_you_mean(name, siblings)


_ABSENT = object()


def _look_up(params: Any, key: str) -> Any:
    value = params
    for part in filter(None, key.split(".")):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return _ABSENT
    return value


def _value(params: Mapping[str, Any], key: str) -> str:
    value = _look_up(params, key)
    return "" if value is _ABSENT else f" = {json.dumps(value, default=str)}"


def _origin(where: Mapping[str, str], key: str) -> str:
    """The file that set the key, or the nearest key above or below it."""
    above = [".".join(key.split(".")[:depth]) for depth in range(key.count(".") + 1, 0, -1)]
    below = [known for known in where if known.startswith(f"{key}.")]
    origin = next((where[known] for known in [*above, *below] if known in where), None)
    return f"  ({origin})" if origin else ""


def _dotted(*parts: int | str) -> str:
    return ".".join(str(part) for part in parts)
