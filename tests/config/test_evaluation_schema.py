"""Parameters of comparisons and learning curves: lists that can be typed on a command line."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from graft.config.evaluation import Comparison, LearningCurves
from graft.config.problems import ConfigError

NOTHING: dict[str, Any] = {"runs": None, "experiments": None, "methods": None, "measure": None}
CURVES: dict[str, Any] = {"fractions": [0.5, 1.0], "seeds": 3, "least_steps": 60}


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("digits+digits_10shot", ["digits", "digits_10shot"]),
        ("digits", ["digits"]),
        (["a+b", "c"], ["a+b", "c"]),
        (2024, ["2024"]),
        (None, None),
    ],
)
def test_names_are_a_list_or_joined_by_a_plus(given: Any, read: list[str] | None) -> None:
    assert Comparison.model_validate(NOTHING | {"experiments": given}).experiments == read


@pytest.mark.parametrize(
    ("given", "read"),
    [("0.1+0.5+1", [0.1, 0.5, 1.0]), (0.5, [0.5]), (1, [1.0]), ([0.25, 1.0], [0.25, 1.0])],
)
def test_fractions_too(given: Any, read: list[float]) -> None:
    assert LearningCurves.model_validate(CURVES | {"fractions": given}).fractions == read


@pytest.mark.parametrize(
    ("section", "changes"),
    [
        (Comparison, {"runs": []}),
        (Comparison, {"runs": "a++b"}),
        (Comparison, {"measure": "ece"}),
        (LearningCurves, {"fractions": []}),
        (LearningCurves, {"fractions": "half+1"}),
        (LearningCurves, {"fractions": [0.0]}),
        (LearningCurves, {"fractions": "0.5+1.5"}),
        (LearningCurves, {"seeds": 0}),
    ],
)
def test_what_means_nothing_is_refused(section: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        section.model_validate((NOTHING if section is Comparison else CURVES) | changes)


def test_runs_and_experiments_exclude_each_other(conf: Any, load: Any) -> None:
    with pytest.raises(ConfigError, match="runs or experiments, not both"):
        load(conf, comparison={"runs": "abc", "experiments": "digits"})


def test_the_catalog_learns_what_is_compared(conf: Any, load: Any) -> None:
    loader = load(conf, comparison={"experiments": "digits+other"})
    assert loader["globals"]["comparison"]["experiments"] == ["digits", "other"]
