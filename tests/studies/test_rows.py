"""Which rows of a study are run, with what, and what becomes of those that fail."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest

from graft.errors import GraftError
from graft.studies.plan import PlannedRow, StudyPlan
from graft.studies.rows import require_success, run_rows

from .conftest import Project

Row = Callable[..., PlannedRow]


def run(project: Project, plan: StudyPlan, processes: int = 1, parent: str | None = None):
    return run_rows(plan, processes, str(project.program), parent)


def states(outcomes) -> dict[str, list[str]]:
    return {name: [one["state"] for one in told] for name, told in outcomes.items()}


def test_what_has_been_run_is_not_run_again(project: Project, row: Row) -> None:
    plan = project.plan(row("A"), row("B"))
    assert states(run(project, plan)) == {"A": ["ran"], "B": ["ran"]}
    assert states(run(project, plan)) == {"A": ["found"], "B": ["found"]}
    assert project.rows_run() == ["A", "B"]


def test_a_changed_configuration_is_run(project: Project, row: Row) -> None:
    run(project, project.plan(row("A"), row("B")))
    changed = project.plan(row("A", fingerprint="another"), row("B"))
    assert states(run(project, changed)) == {"A": ["ran"], "B": ["found"]}
    back = project.plan(row("A"), row("B"))
    assert states(run(project, back)) == {"A": ["found"], "B": ["found"]}


def test_rows_of_one_configuration_are_run_once(project: Project, row: Row) -> None:
    same = [row(name, fingerprint="same") for name in ("A", "C")]
    plan = project.plan(same[0], row("B"), same[1])
    outcomes = run(project, plan)
    assert project.rows_run() == ["A", "B"]
    assert outcomes["C"] == [{"seed": 0, "state": "ran", "run_as": "A", "problem": ""}]


def test_a_run_of_the_other_row_of_a_configuration_counts(project: Project, row: Row) -> None:
    """By hand, `-x C`, or when it was the only one chosen."""
    plan = project.plan(row("A", fingerprint="same"), row("C", fingerprint="same"))
    run(project, replace(plan, rows=plan.rows[1:]))
    assert project.rows_run() == ["C"]
    assert states(run(project, plan)) == {"A": ["found"], "C": ["found"]}


def test_a_failed_row_does_not_end_the_study(project: Project, row: Row) -> None:
    plan = project.plan(row("A"), row("B"), row("C"))
    project.behave("B", fails=True)
    outcomes = run(project, plan)
    assert states(outcomes) == {"A": ["ran"], "B": ["failed"], "C": ["ran"]}
    problem = outcomes["B"][0]["problem"]
    assert problem.startswith("exit status 3\n")
    assert "the last words" in problem
    assert str(plan.logs / "B-seed0.log") in problem
    with pytest.raises(GraftError, match=r"(?s)1 of 3 rows failed.*B: exit status 3"):
        require_success(outcomes)
    project.behave("B", fails=False)
    assert states(run(project, plan)) == {"A": ["found"], "B": ["ran"], "C": ["found"]}


def test_each_seed_that_failed_is_named_and_its_row_counts_once() -> None:
    def told(seed: int, state: str) -> dict[str, object]:
        return {"seed": seed, "state": state, "run_as": "A", "problem": f"problem {seed}"}

    a = [told(0, "ran"), told(1, "failed"), told(2, "failed")]
    with pytest.raises(GraftError, match="1 of 2 rows failed") as failed:
        require_success({"A": a, "B": [told(0, "found")]})
    assert "\nA, seed 1: problem 1\nA, seed 2: problem 2\n" in str(failed.value)


def test_one_that_ends_well_without_results_has_failed(project: Project, row: Row) -> None:
    plan = project.plan(row("A"))
    project.behave("A", fingerprint="not the one that was planned")
    assert "left no record" in run(project, plan)["A"][0]["problem"]


def test_results_that_are_gone_are_made_again(project: Project, row: Row) -> None:
    plan = project.plan(row("A"))
    run(project, plan)
    (metrics,) = project.path.glob("data/08_reporting/A/metrics.json/*/metrics.json")
    metrics.unlink()
    assert states(run(project, plan)) == {"A": ["ran"]}


def test_rows_are_told_what_the_study_was_told(project: Project, row: Row) -> None:
    plan = project.plan(row("A"), given={"training.epochs": 1, "source.folder": "07"}, seeds=(3,))
    run(project, plan, parent="the study's run")
    (call,) = project.calls()
    assert call["params"] == {
        "seed": "3",
        "training.resume": "never",
        "training.epochs": "1",
        "source.folder": '"07"',
    }
    assert call["pipeline"] == "single_network"
    assert call["parent"] == "the study's run"


def test_each_row_is_run_with_each_seed(project: Project, row: Row) -> None:
    plan = project.plan(row("A"), row("B"), seeds=(0, 1))
    outcomes = run(project, plan, processes=2)
    assert states(outcomes) == {"A": ["ran"] * 2, "B": ["ran"] * 2}
    calls = [call for call in project.calls() if call["pipeline"] != "ingest"]
    assert sorted((call["row"], call["params"]["seed"]) for call in calls) == [
        ("A", "0"),
        ("A", "1"),
        ("B", "0"),
        ("B", "1"),
    ]


def test_seeds_of_a_row_run_at_the_same_time(project: Project, row: Row) -> None:
    plan = project.plan(row("A"), seeds=(0, 1, 2))
    project.behave("A", seconds=1.0)
    run(project, plan, processes=3)
    lines = (project.path / "calls.txt").read_text().splitlines()
    order = [line.split(",")[0].strip('["') for line in lines if "ingest" not in line]
    assert order[:2] == ["begun", "begun"]


def test_images_are_decoded_before_rows_that_share_them_begin_together(
    project: Project, row: Row
) -> None:
    plan = project.plan(row("A"), row("B"), row("C", pixel_key="others"))
    run(project, plan, processes=2)
    first, *others = project.calls()
    assert (first["pipeline"], first["row"]) == ("ingest", "A")
    assert all(call["pipeline"] == "single_network" for call in others)


def test_one_after_the_other_the_first_row_decodes(project: Project, row: Row) -> None:
    run(project, project.plan(row("A"), row("B")))
    assert [call["pipeline"] for call in project.calls()] == ["single_network"] * 2


def test_threads_are_divided(project: Project, row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(7)))
    run(project, project.plan(row("A"), row("B")), processes=2)
    of_rows = [call for call in project.calls() if call["pipeline"] != "ingest"]
    assert [call["params"]["compute.threads"] for call in of_rows] == ["3", "3"]


def test_rows_get_gpus_in_turn(project: Project, row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,GPU-7")
    plan = project.plan(*(row(name) for name in "ABC"))
    for name in "ABC":
        project.behave(name, seconds=0.3)
    run(project, plan, processes=3)
    of_rows = {call["row"]: call for call in project.calls() if call["pipeline"] != "ingest"}
    assert [of_rows[name]["gpu"] for name in "ABC"] == ["4", "GPU-7", "4"]


def test_an_interrupted_training_is_gone_on_with_only_if_nothing_changed(
    project: Project, row: Row
) -> None:
    def resume() -> str:
        return project.calls()[-1]["params"]["training.resume"]

    plan = project.plan(row("A"))
    project.behave("A", fails=True)
    run(project, plan)
    run(project, plan)
    assert resume() == "auto"
    changed = project.plan(row("A", fingerprint="another"))
    project.behave("A", fails=True)
    run(project, changed)
    assert resume() == "never"
    run(project, changed)
    assert resume() == "auto"


def test_a_state_that_another_run_has_left_is_not_gone_on_with(project: Project, row: Row) -> None:
    """A finished training's state stays: gone on with, old weights would be measured anew."""
    plan = project.plan(row("A"))
    run(project, plan)
    assert project.calls()[-1]["params"]["training.resume"] == "never"  # nobody knows whose it is
    shutil.rmtree(project.path / "data/08_reporting/A")  # as one does after a change of code
    run(project, plan)
    assert project.rows_run() == ["A", "A"]
    assert project.calls()[-1]["params"]["training.resume"] == "never"
