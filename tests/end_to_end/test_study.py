"""A study of two rows of one configuration: run, asked for again, and asked for with a change."""

from __future__ import annotations

import pytest

from .project_copy import ProjectCopy, warnings_in

pytestmark = pytest.mark.slow

ROW = """
_description: The head alone
_pipeline: single_network
_reported: {accuracy: 0.9}
model: {freezing: all_except_last}
"""
OTHER = "_description: The same again\n_extends: S1\n"
STUDY = """
description: Two rows of digits
rows: [S1, S2]
claims:
  - {claim: The second is better, best: S2, among: [S1, S2]}
"""


def test_a_study_runs_each_configuration_once(project: ProjectCopy) -> None:
    for file, content in {
        "conf/experiments/S1.yml": ROW,
        "conf/experiments/S2.yml": OTHER,
        "conf/studies/any.yml": STUDY,
    }.items():
        (project.path / file).write_text(content)

    def study(*given: str) -> str:
        parameters = ",".join(("study=any", *given))
        process = project.kedro("run", "--pipeline=study", f"--params={parameters}")
        assert process.returncode == 0, process.stdout
        assert warnings_in(process.stdout) == []
        return process.stdout

    assert "1 are run now" in study("training.epochs=1")
    parent, row = project.runs()
    assert [run.info.run_name for run in (parent, row)] == ["any", "S1"]
    assert row.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert {run.info.status for run in (parent, row)} == {"FINISHED"}

    assert "0 are run now" in study("training.epochs=1")
    assert len(project.runs()) == 3
    catalog = project.catalog(study="any")
    table = catalog.load("study_table").set_index("row")
    assert table["runs"].to_dict() == dict.fromkeys(("S1", "S2"), row.info.run_id)
    assert table["measured"].notna().all()
    assert "training.epochs=1 instead of 8" in table["why"]["S1"]
    assert catalog.load("study_claims")["why"].tolist() == ["S1 and S2 are one configuration here"]
    assert "Two rows of digits" in catalog.load("study_report")
    assert catalog["study_figure"].preview().startswith("iVBORw0KGgo")

    assert "1 are run now" in study("training.epochs=0", "study_rows.only=S1")
    assert [run.info.run_name for run in project.runs()[3:]] == ["any", "S1"]
