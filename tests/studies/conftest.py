"""A study of made-up rows, and a program that stands in for `kedro`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from graft.evaluation.claims import Claim
from graft.studies.plan import PlannedRow, StudyPlan
from graft.studies.study_file import StudyFile

# Of these an image store's place follows.
PARAMETERS: dict[str, Any] = {"source": {"name": "folder"}, "images": {}, "split": {}, "seed": 0}

# Does what the row's line of `behaviour.json` says, tells `calls.txt` what it was asked, and leaves
# a record as the hook does. Without `site`, it starts in no time.
STUB = """#!{python} -SE
import hashlib, json, os, pathlib, signal, sys, time
project = pathlib.Path.cwd()
name = sys.argv[sys.argv.index("-x") + 1]
told = dict(part.split("=") for part in sys.argv[-1].removeprefix("--params=").split(","))
pipeline = sys.argv[2].removeprefix("--pipeline=")
behaviour = json.loads((project / "behaviour.json").read_text()).get(name, {{}})

def say(what):
    with open(project / "calls.txt", "a") as file:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        row = [what, name, pipeline, told, visible, os.environ.get("GRAFT_PARENT_RUN")]
        file.write(json.dumps(row) + "\\n")

def stop(*_):
    say("saved")
    sys.exit(143)

def commit(folder, file, content):
    folder.mkdir(parents=True)
    (folder / file).write_text(content)
    entry = {{"sha256": hashlib.sha256(content.encode()).hexdigest(), "bytes": len(content)}}
    (folder / "manifest.json").write_text(json.dumps({{"format": 1, "files": {{file: entry}}}}))

signal.signal(signal.SIGTERM, stop)
say("begun")
print("line of output")
if pipeline == "ingest":
    sys.exit()
time.sleep(behaviour.get("seconds", 0))
if behaviour.get("fails"):
    print("the last words")
    sys.exit(3)
if new_store := behaviour.get("replaces_images_by"):
    os.rename(behaviour["store"], behaviour["store"] + " of before")
    os.rename(new_store, behaviour["store"])
version = str(time.time_ns())
reports = pathlib.Path("data/08_reporting") / name
record = {{
    "experiment": name, "pipeline": pipeline, "whole": True, "seed": int(told["seed"]),
    "fingerprint": behaviour["fingerprint"], "parameters": behaviour.get("parameters", {{}}),
    "changes": [], "data": behaviour.get("data", ""),
    "files": {{"metrics": str(reports / "metrics.json" / version / "metrics.json")}},
    "run_id": None, "version": version, "commit": None, "started": "", "seconds": 1.0,
    "machine": {{"gpu": None, "processors": 2, "platform": ""}}, "format": 1,
}}
commit(reports / "metrics.json" / version, "metrics.json", "{{}}")
commit(reports / "run_record.json" / version, "run_record.json", json.dumps(record))
say("ended")
"""


class Project:
    """A folder in which the stub runs rows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.program = path / "kedro"
        self.program.write_text(STUB.format(python=sys.executable))
        self.program.chmod(0o755)

    def plan(self, *rows: PlannedRow, **changes: Any) -> StudyPlan:
        """A study of these rows; the stub will leave records of their configurations."""
        same = [
            replace(row, same_as=tuple(r.name for r in rows if r.fingerprint == row.fingerprint))
            for row in rows
        ]
        behaviour = {row.name: {"fingerprint": row.fingerprint} for row in rows}
        (self.path / "behaviour.json").write_text(json.dumps(behaviour))
        file = StudyFile("any", "Any table", {row.name: "" for row in rows}, "accuracy", ())
        plan = StudyPlan(file, tuple(same), (0,), {}, None, self.path)
        return replace(plan, **changes)

    def behave(self, name: str, **behaviour: Any) -> None:
        """Let the stub do something else for this row."""
        file = self.path / "behaviour.json"
        told = json.loads(file.read_text())
        told[name] |= behaviour
        file.write_text(json.dumps(told))

    def calls(self, what: str = "begun") -> list[dict[str, Any]]:
        """What the stub was asked, in order."""
        file = self.path / "calls.txt"
        lines = file.read_text().splitlines() if file.exists() else []
        names = ("what", "row", "pipeline", "params", "gpu", "parent")
        told = [dict(zip(names, json.loads(line), strict=True)) for line in lines]
        return [call for call in told if call["what"] == what]

    def rows_run(self) -> list[str]:
        return [call["row"] for call in self.calls()]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # no GPU, and torch need not be asked
    return Project(tmp_path)


@pytest.fixture
def row() -> Callable[..., PlannedRow]:
    """Make a row; its configuration is another one than every other name's unless it is given."""

    def row(name: str, **changes: Any) -> PlannedRow:
        made = PlannedRow(
            name=name,
            description=f"Row {name}",
            pipeline="single_network",
            reported={},
            not_comparable="",
            assumptions=(),
            note="",
            fingerprint=f"print of {name}",
            same_as=(name,),
            pixel_key="pixels",
            threads="auto",
            trains=True,
        )
        return replace(made, **changes)

    return row


@pytest.fixture
def claim() -> Claim:
    return Claim("A is the best", "A", ("A", "B"))
