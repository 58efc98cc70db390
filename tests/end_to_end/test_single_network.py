"""A preset of one network, run by its name alone; and its bundle."""

from __future__ import annotations

import pytest

from .project_copy import ProjectCopy, warnings_in

pytestmark = pytest.mark.slow

ROW = """
_description: A row of a table
_extends: digits
_pipeline: single_network
_reported: {accuracy: 0.9}
model: {backbone: fully_connected, weights: none, input_size: 16, options: {neurons: [32]}}
"""


def test_a_row_is_run_by_its_name_and_can_be_bundled(project: ProjectCopy) -> None:
    folder = project.path / "conf/experiments/mine"
    folder.mkdir()
    (folder / "row.yml").write_text(ROW)
    process = project.kedro("run", "-x", "row")
    assert process.returncode == 0, process.stdout
    assert warnings_in(process.stdout) == []
    assert "from scratch" in process.stdout
    catalog = project.catalog(experiment="row")
    (measured,) = catalog.load("metrics").values()
    assert measured["method"] == "from scratch"
    assert measured["accuracy"]["value"] > 0.5
    (run,) = project.runs()
    assert run.data.metrics["test/from scratch/accuracy"] == measured["accuracy"]["value"]
    assert run.data.metrics["from scratch/train_loss"] > 0

    assert catalog["report"].exists()
    assert "report.html" in process.stdout
    assert "Confusion matrix: the network" in catalog.load("report")

    process = project.kedro("run", "--pipeline=bundle", "-x", "row")
    assert process.returncode == 0, process.stdout
    bundle = catalog.load("model_bundle")
    assert bundle.method == "from scratch"
    assert "--pipeline=single_network -x row" in bundle.provenance["command"]
