"""Rows that were measured on images which lie there no more."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from graft.config.loader import data_key
from graft.datasets import ImageStoreDataset
from graft.images.store import ImageStore
from graft.studies.plan import PlannedRow
from graft.studies.rows import run_rows

from .conftest import PARAMETERS, Project

STORE = f"data/03_primary/{data_key(PARAMETERS)}"
Row = Callable[..., PlannedRow]


def save_store(folder: Path, content: str) -> str:
    """Save a store of one image with this content; its digest."""
    row = {"id": "a.png", "label": "cat", "split": "test", "width": 4, "height": 4}
    manifest = pd.DataFrame([row | {"sha256": content}])
    images = np.zeros((1, 4, 4, 3), dtype=np.uint8)
    store = ImageStore(images, manifest, ("cat", "dog"), "folder")
    ImageStoreDataset(filepath=str(folder)).save(store)
    return store.digest


def states(project: Project, *rows: PlannedRow, **seen: Any) -> list[str]:
    """What becomes of the rows; each that is run is left a record of these images."""
    plan = project.plan(*rows)
    for row in rows:
        project.behave(row.name, parameters=PARAMETERS, **seen)
    outcomes = run_rows(plan, 1, str(project.program), None)
    return [one["state"] for told in outcomes.values() for one in told]


@pytest.fixture
def digest(project: Project) -> str:
    return save_store(project.path / STORE, "before")


def test_a_row_of_the_images_that_are_there_is_done(
    project: Project, row: Row, digest: str
) -> None:
    assert states(project, row("A"), data=digest) == ["ran"]
    assert states(project, row("A"), data=digest) == ["found"]


def test_a_row_whose_images_were_replaced_is_run_again(
    project: Project, row: Row, digest: str
) -> None:
    """In the same folder, so that no parameter tells."""
    states(project, row("A"), data=digest)
    other = save_store(project.path / STORE, "after")
    assert states(project, row("A"), data=other) == ["ran"]
    assert states(project, row("A"), data=other) == ["found"]


def test_where_no_store_is_left_the_record_counts(project: Project, row: Row, digest: str) -> None:
    states(project, row("A"), data=digest)
    (project.path / STORE).rename(project.path / "moved")
    assert states(project, row("A"), data=digest) == ["found"]


def test_rows_that_were_found_are_run_again_where_another_one_meets_other_images(
    project: Project, row: Row, digest: str, caplog: pytest.LogCaptureFixture
) -> None:
    a, b = row("A"), row("B")
    states(project, a, data=digest)
    new_store = project.path / "new"
    other = save_store(new_store, "after")
    plan = project.plan(a, b)
    project.behave("A", parameters=PARAMETERS, data=other)
    replacing = {"replaces_images_by": str(new_store), "store": str(project.path / STORE)}
    project.behave("B", parameters=PARAMETERS, data=other, **replacing)
    with caplog.at_level(logging.WARNING):
        outcomes = run_rows(plan, 1, str(project.program), None)
    assert {name: told[0]["state"] for name, told in outcomes.items()} == {"A": "ran", "B": "ran"}
    assert project.rows_run() == ["A", "B", "A"]
    assert "The images were replaced since A ran" in caplog.text
    record = plan.record(plan.rows[0], 0)
    assert record is not None
    assert record.data == other
