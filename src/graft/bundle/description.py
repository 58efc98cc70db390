"""`bundle.json`: all of a bundle that is no weights, in JSON with pinned keys and types."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from graft.errors import GraftError

if TYPE_CHECKING:
    from pathlib import Path

    from graft.bundle.bundle import Bundle

FORMAT = 1
KINDS = ("svm", "linear_probe")
LARGEST_SIZE, LARGEST_GRID = 1024, 16  # as in the parameters' schema; more would fill the memory

_KEYS: dict[str, tuple[type, ...]] = {
    "format": (int,),
    "name": (str,),
    "method": (str,),
    "class_names": (list,),
    "thresholds": (list, type(None)),
    "temperature": (float, int),
    "transform": (dict,),
    "network": (dict,),
    "probe": (dict, type(None)),
    "provenance": (dict,),
}
_TRANSFORM_KEYS: dict[str, tuple[type, ...]] = {
    "size": (int,),
    "max_pixels": (int,),
    "rule": (int,),
}
_PROBE_KEYS: dict[str, tuple[type, ...]] = {
    "kind": (str,),
    "taps": (list,),
    "grid": (int,),
    "metadata": (dict,),
}


def write_description(path: Path, bundle: Bundle) -> None:
    """Save what `read_description` reads."""
    probe = bundle.probe and {
        "kind": bundle.probe.kind,
        "taps": list(bundle.probe.taps),
        "grid": bundle.probe.grid,
        "metadata": bundle.probe.classifier.metadata,
    }
    description = {
        "format": FORMAT,
        "name": bundle.name,
        "method": bundle.method,
        "class_names": list(bundle.class_names),
        "thresholds": None if bundle.thresholds is None else list(bundle.thresholds),
        "temperature": bundle.temperature,
        "transform": asdict(bundle.transform),
        "network": bundle.network.metadata,
        "probe": probe,
        "provenance": bundle.provenance,
    }
    path.write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_description(path: Path) -> dict[str, Any]:
    """The description of a bundle.

    Raises:
        GraftError: It is no JSON, of another format, or has a key too many, too few or of another
            type; the message names the key.
    """
    try:
        description = json.loads(path.read_bytes())
    except ValueError as error:
        raise GraftError(f"{path} is no JSON ({error}).") from error
    if isinstance(description, dict) and description.get("format", FORMAT) != FORMAT:
        raise GraftError(
            f"{path} has format {description['format']!r}, this version of Graft reads {FORMAT}. "
            "Install the version that made the bundle, or make it anew: "
            "kedro run --pipeline=bundle."
        )
    _require_keys(path, "", description, _KEYS)
    _require_keys(path, "transform.", description["transform"], _TRANSFORM_KEYS)
    if description["probe"] is not None:
        _require_keys(path, "probe.", description["probe"], _PROBE_KEYS)
        if description["probe"]["kind"] not in KINDS:
            raise GraftError(f"{path}: 'probe.kind' is none of {', '.join(KINDS)}.")
        if not 1 <= description["probe"]["grid"] <= LARGEST_GRID:
            raise GraftError(f"{path}: 'probe.grid' is not from 1 to {LARGEST_GRID}.")
    if not 1 <= description["transform"]["size"] <= LARGEST_SIZE:
        raise GraftError(f"{path}: 'transform.size' is not from 1 to {LARGEST_SIZE} pixels.")
    names, thresholds = description["class_names"], description["thresholds"]
    if not names or not all(isinstance(name, str) for name in names):
        raise GraftError(f"{path}: 'class_names' is no list of names.")
    if thresholds is not None and (
        len(thresholds) != len(names) or not all(isinstance(t, int | float) for t in thresholds)
    ):
        raise GraftError(f"{path}: 'thresholds' is no list of a number for each class.")
    if not description["temperature"] > 0:
        raise GraftError(f"{path}: 'temperature' has to be above 0.")
    return dict(description)


def _require_keys(path: Path, where: str, section: Any, keys: dict[str, tuple[type, ...]]) -> None:
    if not isinstance(section, dict):
        raise GraftError(f"{path}: '{where.rstrip('.') or 'all of it'}' is no section of keys.")
    if unknown := sorted(section.keys() - keys):
        raise GraftError(f"{path}: '{where}{unknown[0]}' is no key of a bundle.")
    if missing := sorted(keys.keys() - section):
        raise GraftError(f"{path}: the key '{where}{missing[0]}' is missing.")
    for key, types in keys.items():
        if type(section[key]) not in types:
            raise GraftError(f"{path}: '{where}{key}' is of a wrong type: {section[key]!r:.80}")
