"""docs/experiments.md lists all presets of the reports, with what their files say."""

from __future__ import annotations

from pathlib import Path

from graft.config.experiments import Experiment, ExperimentFolder

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/experiments.md"
FOLDER = ExperimentFolder(str(ROOT / "conf/experiments"))
NO_STUDIES = ("", "examples", "sweeps")


def row(preset: Experiment) -> str:
    """| M1 | Fully connected, three linear layers | accuracy 0.96, seconds 115.84 |"""
    figures = {k: v for k, v in preset.reported.items() if k not in ("method", "per_class")}
    reported = ", ".join(f"{name.replace('_', ' ')} {shown(x)}" for name, x in figures.items())
    return f"| {preset.name} | {preset.description} | {reported} |"


def shown(figure: float | str) -> str:
    return f"{figure:,}" if isinstance(figure, int) else str(figure)


def tables() -> dict[str, list[str]]:
    """For each folder its rows, without what its presets share."""
    return {
        group: [row(FOLDER.read(name)) for name in names if not name.endswith("_base")]
        for group, names in FOLDER.groups().items()
        if group not in NO_STUDIES
    }


def test_the_page_has_each_preset_as_its_file_describes_it() -> None:
    sections = PAGE.read_text().split("\n### ")[1:]
    found = {
        section.splitlines()[0].strip("`"): [
            line
            for line in section.splitlines()
            if line.startswith("| ") and not line.startswith(("| id ", "|---"))
        ]
        for section in sections
    }
    expected = tables()
    assert found == expected, "\n".join(row for rows in expected.values() for row in rows)


def test_files_are_described_so_that_a_table_holds_them() -> None:
    assert not any(
        "|" in cells.strip("|").replace(" | ", "") for t in tables().values() for cells in t
    )
