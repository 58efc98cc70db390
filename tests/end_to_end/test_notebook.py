"""The notebook runs on the results of a finished run, wherever inside the project it is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import FinishedRun
from .project_copy import ROOT

if TYPE_CHECKING:
    from nbformat import NotebookNode

NOTEBOOK = ROOT / "notebooks/results.ipynb"


def read_notebook() -> NotebookNode:
    nbformat = pytest.importorskip("nbformat")
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def executed(finished: FinishedRun) -> NotebookNode:
    nbclient = pytest.importorskip("nbclient")
    notebook = read_notebook()
    notebooks = finished.project.path / "notebooks"
    client = nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(notebooks)}}
    )
    client.execute(env=finished.project.environment())
    return notebook


def outputs(notebook: NotebookNode) -> list[NotebookNode]:
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


def test_no_outputs_are_stored() -> None:
    notebook = read_notebook()
    assert outputs(notebook) == []
    assert {cell.get("execution_count") for cell in notebook.cells} == {None}


@pytest.mark.slow
def test_it_shows_tables_and_figures_and_no_log(executed: NotebookNode) -> None:
    shown = outputs(executed)
    assert sum("image/png" in output.get("data", {}) for output in shown) == 6
    page = "".join(output.get("data", {}).get("text/html", "") for output in shown)
    for method in ("fine-tuned", "SVM on frozen features", "from scratch", "majority class"):
        assert method in page
    assert "validation" in page  # the dataset card
    assert "INFO" not in page
    assert not [output for output in shown if output.get("name") == "stderr"]
