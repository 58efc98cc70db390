"""How to make a run again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from graft.tracking.summary import as_typed


def how_to_repeat(
    pipeline: str, experiment: str, changes: Sequence[Mapping[str, Any]]
) -> tuple[str, str]:
    """The command that makes a run again on a machine without settings of its own.

    Args:
        pipeline: Its name.
        experiment: Its name.
        changes: As `graft.config.changes.list_changes` returns them.

    Returns:
        The command, and the content of the experiment file that it needs where a value is one that
        a command line cannot carry (a list, a text with a comma); else an empty text.
    """
    changed = {row["key"]: row["value"] for row in changes if row["value"] != row["preset"]}
    command = f"kedro run --pipeline={pipeline} -x "
    if not changed:
        return f"{command}{experiment}", ""
    if all(_fits_a_command(value) for value in changed.values()):
        given = ",".join(f"{key}={as_typed(value)}" for key, value in changed.items())
        return f"{command}{experiment} --params={shlex.quote(given)}", ""
    again = f"{experiment}_again"
    content: dict[str, Any] = {
        "_description": f"{experiment} with the parameters of one run",
        "_extends": experiment,
    }
    for key, value in changed.items():
        *sections, name = key.split(".")
        place = content
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = value
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    return f"{command}{again}", f"# conf/experiments/{again}.yml\n{text}"


def _fits_a_command(value: Any) -> bool:
    return not isinstance(value, list | dict) and "," not in str(value)
