"""Where a run comes from: its configuration, and how to make it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graft.nested import leaves
from graft.report.page import Block, Code, Facts, Note, Section, Table, Text


def configuration_section(origin: Mapping[str, Any]) -> Section:
    """What differs from the defaults, and all parameters."""
    changed = [
        [row["key"], _written(row["value"]), _written(row["default"])]
        for row in origin["changes"]
        if row["value"] != row["default"]
    ]
    differs: Block = (
        Table(["parameter", "here", "default"], changed, "What differs from the defaults.")
        if changed
        else Text("Nothing differs from the defaults.")
    )
    everything = [
        [key, _written(value)] for key, value in leaves(origin["parameters"], with_empty=True)
    ]
    return Section(
        "Configuration",
        [differs, Table(["parameter", "value"], everything, "All parameters", folded=True)],
    )


def repeating_section(origin: Mapping[str, Any]) -> Section:
    """The commands that make the run again, and what it ran on."""
    commit = origin["git_commit"]
    commands = [f"git checkout {commit}"] if commit else []
    commands.append(origin["command"])
    blocks: list[Block] = [Note(origin["note"])] if origin.get("note") else []
    blocks.append(Code("\n".join(commands)))
    if origin["experiment_file"]:
        blocks += [Text("with this file:"), Code(origin["experiment_file"])]
    if origin["git_dirty"]:
        blocks.append(Note("Files differed from that commit: without those changes it may differ."))
    facts = [
        *origin["versions"].items(),
        ("Python", origin["python"]),
        ("platform", origin["platform"]),
        ("processors", str(origin["processors"])),
    ]
    return Section("Make it again", [*blocks, Facts(facts)])


def _written(value: Any) -> str:
    """As a parameter file has it."""
    if isinstance(value, list):
        return f"[{', '.join(_written(item) for item in value)}]"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
