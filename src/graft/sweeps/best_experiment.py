"""The experiment file that a sweep leaves behind: its best trial, to be run alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from graft.nested import leaves
from graft.sweeps.space import Params, Values, with_values
from graft.tracking.repeating import how_to_repeat
from graft.tracking.run_record import decides, is_of_the_machine

PIPELINE = "single_network"  # what the file is meant for


def write_experiment(
    name: str,
    parameters: Params,
    changes: Sequence[Mapping[str, Any]],
    values: Values,
    *,
    description: str,
    note: str,
) -> str:
    """An experiment file on top of the sweep's experiment: run alone, it trains the best trial.

    It holds what was sampled, and what the sweep was told besides (by `--params`, or in
    `conf/local`) that decides on a training: the seed, too, for it chooses the test images. What
    suits a machine stands in the command at its head.

    Args:
        name: The file's, without its ending.
        parameters: All of the sweep's run.
        changes: Where they differ from its experiment, rows of `graft.config.changes.list_changes`.
        values: What was sampled, by dotted names.
        description: One line.
        note: How it was found.
    """
    import yaml

    sampled = dict(leaves(values))
    told = [
        change
        for change in changes
        if change["value"] != change["preset"]
        and (change["key"] == "seed" or decides(change["key"], PIPELINE))
        and change["key"] not in sampled
    ]
    of_machine = [change for change in told if is_of_the_machine(change)]
    command, fits_no_command = how_to_repeat(PIPELINE, name, of_machine)
    if fits_no_command:
        of_machine = []
        command, _ = how_to_repeat(PIPELINE, name, [])
    kept = {change["key"] for change in told if change not in of_machine}
    base = parameters["experiment"]
    content = {
        "_description": description,
        "_note": note,
        "_extends": base,
        "_pipeline": PIPELINE,
        **with_values(_part_of(parameters, kept), values),
    }
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    return (
        f"# {command}\n"
        f"# Written by the sweep '{base}'; its next run replaces this file. To keep or change it,\n"
        f"# copy it under another name.\n{text}"
    )


def _part_of(parameters: Mapping[str, Any], keys: Collection[str], prefix: str = "") -> Params:
    """The parameters of these dotted names, nested as they are: a stage's name may hold a dot."""
    part = {}
    for key, value in parameters.items():
        if isinstance(value, Mapping):
            if inner := _part_of(value, keys, f"{prefix}{key}."):
                part[key] = inner
        elif f"{prefix}{key}" in keys:
            part[key] = value
    return part
