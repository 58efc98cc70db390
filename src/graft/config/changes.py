"""Where a run's parameters differ from the defaults, and from the experiment that it names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graft.nested import leaves


def list_changes(
    parameters: Mapping[str, Any], defaults: Mapping[str, Any], preset: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """A row for each parameter that is not the default, or not what its experiment says.

    Args:
        parameters: Those of the run.
        defaults: Those of conf/base.
        preset: Those that a machine without settings of its own has for the experiment.

    Returns:
        Rows with the keys key (dotted), value, default and preset, in the parameters' order; None
        where there is no such key. The experiment's name is not among them.
    """
    of_run, of_defaults, of_preset = (
        dict(leaves(nested)) for nested in (parameters, defaults, preset)
    )
    rows = []
    for key in dict.fromkeys((*of_run, *of_preset)):
        value, default, preset_value = (of.get(key) for of in (of_run, of_defaults, of_preset))
        row = {
            "key": key,
            "value": value,
            "default": value if _same(value, default) else default,
            "preset": value if _same(value, preset_value) else preset_value,
        }
        if key != "experiment" and not value == row["default"] == row["preset"]:
            rows.append(row)
    return rows


def _same(value: Any, written: Any) -> bool:
    """Whether a parameter is what a file says; the schema makes a single name a list of one."""
    return bool(value == written or value == [written])
