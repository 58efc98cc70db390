"""What a trial reports, and when its worker ends."""

from __future__ import annotations

import multiprocessing
from types import SimpleNamespace
from typing import Any

import pytest

from graft.errors import GraftError
from graft.sweeps.space import with_values
from graft.sweeps.trials import Judge, require_together
from graft.training.loop import EpochRecord

from .conftest import parameters

RECORD = EpochRecord(3, 1.0, 0.4, 0.9, 0.6, 0.7, 0.01, 100.0, 1.0)


@pytest.mark.parametrize(
    ("measure", "expected"), [("accuracy", 0.6), ("loss", 0.9), ("mean_average_precision", 0.7)]
)
def test_the_measure_of_the_validation_images_is_reported(measure: str, expected: float) -> None:
    reported: list[Any] = []
    attempt: Any = SimpleNamespace(report=lambda *what: reported.append(what))
    Judge(measure, attempt).on_epoch(RECORD)
    assert reported == [(3, expected)]


def test_a_worker_whose_parent_was_killed_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = SimpleNamespace(is_alive=lambda: False)
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: gone)
    attempt: Any = SimpleNamespace(report=lambda *what: pytest.fail("it goes on"))
    with pytest.raises(KeyboardInterrupt):
        Judge("accuracy", attempt).on_epoch(RECORD)


def test_values_that_cannot_be_combined_are_the_trials_own_fault() -> None:
    values = {"training.class_weights": "balanced", "training.sampling": "balanced"}
    for key, value in values.items():
        require_together(with_values(parameters(), {key: value}))
    with pytest.raises(GraftError, match="rare classes would count twice"):
        require_together(with_values(parameters(), values))
