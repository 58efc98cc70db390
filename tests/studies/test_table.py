"""The table of a study, its claims, its figure and its page."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from graft.datasets import MetricsDataset, TableDataset
from graft.evaluation import Predictions, classification_metrics
from graft.evaluation.claims import Claim
from graft.evaluation.figures.study import study as draw
from graft.studies.page import study_page
from graft.studies.plan import PlannedRow, StudyPlan
from graft.studies.results import RowResult, read_results
from graft.studies.table import claims_table, study_table
from graft.tracking.run_record import RunRecord
from graft.tracking.summary import _study

from ..evaluation.figures.drawing import drawn, texts
from .conftest import PARAMETERS, Project

SETTINGS: dict[str, Any] = {"resamples": 100, "confidence": 0.95, "seed": 0}
LABELS = np.arange(1000) % 4
Row = Callable[..., PlannedRow]
ORIGIN: dict[str, Any] = {
    "git_commit": None,
    "git_dirty": False,
    "command": "",
    "experiment_file": "",
    "versions": {},
    "python": "3",
    "platform": "any",
    "processors": 2,
}


def leave_results(project: Path, row: PlannedRow, wrong: int, seed: int = 0) -> None:
    """What a run of a row leaves that gets the first `wrong` of 1,000 images wrong."""
    from kedro.io import Version

    answers = np.where(np.arange(1000) < wrong, (LABELS + 1) % 4, LABELS)
    scores = 0.9 * np.eye(4)[answers] + 0.025
    said = Predictions("fine-tuned", np.arange(1000), LABELS, scores, tuple("wxyz"), 0.1)
    version = f"v{seed}"
    table = pd.DataFrame(
        [
            {"method": "fine-tuned", "accuracy": 1 - wrong / 1000, "parameters": 7},
            {"method": "majority class", "accuracy": 0.25, "parameters": None},
        ]
    ).astype({"parameters": "Int64"})
    table["train_seconds"] = [10.0 + seed, np.nan]
    saved = {
        "metrics": (
            MetricsDataset,
            "json",
            {said.method: classification_metrics(said, **SETTINGS)},
        ),
        "comparison_table": (TableDataset, "csv", table),
        "network_predictions": (TableDataset, "csv", said.to_frame()),
    }
    files = {
        name: f"data/08_reporting/{row.name}/{name}.{ending}/{version}/{name}.{ending}"
        for name, (_, ending, _) in saved.items()
    }
    record = RunRecord(
        experiment=row.name,
        pipeline=row.pipeline,
        whole=True,
        fingerprint=row.fingerprint,
        seed=seed,
        parameters=PARAMETERS,
        changes=[],
        data="data",
        files=files,
        run_id=f"run of {row.name}, {seed}",
        version=version,
        commit="abc",
        started="2026-01-01T00:00:00+00:00",
        seconds=60.0,
        machine={"gpu": None, "processors": 2, "platform": "any"},
    )
    entries = {name: (kind, value) for name, (kind, _, value) in saved.items()}
    entries["run_record"] = (MetricsDataset, record.to_json())
    places = files | {
        "run_record": f"data/08_reporting/{row.name}/run_record.json/{version}/run_record.json"
    }
    for name, (kind, value) in entries.items():
        path = project / places[name]
        kind(filepath=str(path.parent.parent), version=Version(None, version)).save(value)


def outcomes(plan: StudyPlan, **problems: str) -> dict[str, Any]:
    return {
        row.name: [
            {
                "seed": seed,
                "state": "failed" if row.name in problems else "ran",
                "run_as": row.same_as[0],
                "problem": problems.get(row.name, ""),
            }
            for seed in plan.seeds
        ]
        for row in plan.rows
    }


@pytest.fixture
def plan(project: Project, row: Row) -> StudyPlan:
    """A (20 % wrong) and B (30 % wrong) have run, C is A, D has failed."""
    per_class = [0.2, 0.8, 0.8, 0.8]
    a = row("A", reported={"accuracy": 0.81, "per_class": per_class, "seconds": 99})
    b = row("B", reported={"accuracy": 0.9}, note="A note on B.", assumptions=("For both.",))
    c = row("C", fingerprint=a.fingerprint, not_comparable="other data", reported=a.reported)
    d = row("D", reported={"macro_f1": 0.5})
    plan = project.plan(a, b, c, d)
    leave_results(project.path, a, 200)
    leave_results(project.path, b, 300)
    claims = (
        Claim("A is the best", "A", ("A", "B")),
        Claim("D is the best", "D", ("A", "D")),
    )
    return replace(plan, file=replace(plan.file, claims=claims))


def made(plan: StudyPlan, **problems: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    results = read_results(plan)
    told = outcomes(plan, **problems)
    return study_table(plan, told, results), claims_table(plan, results, **SETTINGS)


def page_of(
    plan: StudyPlan, results: list[RowResult] | None = None, told: Any = None, **problems: str
) -> str:
    results = read_results(plan) if results is None else results
    told = told or outcomes(plan, **problems)
    table = study_table(plan, told, results)
    claims = claims_table(plan, results, **SETTINGS)
    png = io.BytesIO()
    drawn(draw(table)).savefig(png, format="png", dpi=30)
    return study_page(plan, told, table, claims, results, png.getvalue(), ORIGIN)


def test_reported_and_measured_stand_side_by_side(plan: StudyPlan) -> None:
    table, _ = made(plan, D="exit status 3\nwords\nthe last words\n(all of it: log)")
    assert table["row"].tolist() == ["A", "B", "C", "D"]
    assert table["reported"].tolist() == [0.81, 0.9, 0.81, 0.5]
    assert table["measured"].tolist()[:3] == [0.8, 0.7, 0.8]
    assert table["verdict"].tolist() == ["reproduced", "worse", "not comparable", "failed"]
    assert table["why"].tolist() == ["", "", "other data", "exit status 3: the last words"]
    a = table.iloc[0]
    assert a["measured_low"] < 0.8 < a["measured_high"]
    assert (a["train_seconds"], a["total_seconds"], a["reported_seconds"]) == (10.0, 60.0, 99.0)
    assert (a["parameters"], a["test_images"], a["seeds"]) == (7, 1000, 1)
    assert (a["runs"], a["commit"], a["machine"]) == ("run of A, 0", "abc", "2 CPUs")
    assert table["run_as"].tolist() == ["A", "B", "A", "D"]


def test_over_several_seeds_it_is_the_mean(plan: StudyPlan, project: Project) -> None:
    for seed, wrong in ((1, 220), (2, 240)):
        leave_results(project.path, plan.rows[0], wrong, seed)
    several = replace(plan, rows=plan.rows[:1], seeds=(0, 1, 2))
    line = made(several)[0].iloc[0]
    assert line["measured"] == pytest.approx(0.78)
    assert line["deviation"] == pytest.approx(0.02)
    assert (line["seeds"], line["train_seconds"]) == (3, 11.0)
    assert line["runs"] == "run of A, 0 run of A, 1 run of A, 2"


def test_a_failed_seed_takes_nothing_from_what_the_others_measured(
    plan: StudyPlan, project: Project
) -> None:
    leave_results(project.path, plan.rows[0], 220, seed=1)
    several = replace(plan, rows=plan.rows[:1], seeds=(0, 1, 2))
    results, told = read_results(several), outcomes(several)
    told["A"][2] |= {"state": "failed", "problem": "exit status 3\nthe last words\n(log)"}
    line = (table := study_table(several, told, results)).iloc[0]
    assert (line["measured"], line["seeds"]) == (pytest.approx(0.79), 2)
    assert line["verdict"] == "failed"
    assert line["why"] == "1 of 3 seeds failed: seed 2, exit status 3: the last words"
    assert "failed" in texts(drawn(draw(table)))
    page = page_of(several, results, told)
    assert f"Failed: A ({line['why']})." in page
    assert "A (seed 2) failed" in page


def test_an_unknown_time_is_left_out_with_its_reason(plan: StudyPlan) -> None:
    """Of a run that an interrupted process had begun."""
    a, *others = read_results(plan)
    results = [replace(a, record=replace(a.record, seconds=None)), *others]
    table = study_table(plan, outcomes(plan), results)
    assert np.isnan(table["total_seconds"][0])
    assert table["total_seconds"][1] == 60.0
    page = page_of(plan, results)
    assert "No time of the whole run: A (an earlier process had begun it)." in page


def test_a_row_whose_images_were_replaced_says_so(plan: StudyPlan) -> None:
    line = study_table(plan, outcomes(plan), read_results(plan)[1:]).iloc[0]
    assert line["why"] == "the images were replaced after its run"


def test_a_measure_that_the_run_does_not_have_cannot_be_compared(
    plan: StudyPlan, project: Project
) -> None:
    odd = replace(plan.rows[0], reported={"mean_average_precision": 0.3})
    line = made(replace(plan, rows=(odd,)))[0].iloc[0]
    assert line["verdict"] == "not comparable"
    assert line["why"] == "the run has no mean_average_precision"
    assert np.isnan(line["measured"])


def test_without_a_reported_number_the_studys_measure_is_shown(plan: StudyPlan) -> None:
    silent = replace(plan.rows[0], reported={})
    line = made(replace(plan, rows=(silent,)))[0].iloc[0]
    assert (line["measure"], line["measured"]) == ("accuracy", 0.8)
    assert (line["verdict"], line["why"]) == ("not comparable", "the report gives no number")


def test_counts_are_compared_where_nothing_is_trained(plan: StudyPlan) -> None:
    counted = replace(plan.rows[0], reported={"parameters": 7}, trains=False)
    line = made(replace(plan, rows=(counted,)))[0].iloc[0]
    assert (line["measure"], line["measured"], line["verdict"]) == ("parameters", 7, "reproduced")


def test_counts_are_shown_as_whole_numbers(plan: StudyPlan) -> None:
    counted = replace(plan.rows[0], reported={"parameters": 7}, trains=False)
    page = page_of(replace(plan, rows=(counted,)))
    assert "7.000" not in page
    told = io.StringIO()
    Console(file=told).print(_study(made(replace(plan, rows=(counted,)))[0]))
    assert "7.000" not in told.getvalue()


def test_a_class_without_test_images_is_not_compared(plan: StudyPlan) -> None:
    results = read_results(plan)
    for result in results:
        if "per_class" in result.metrics:
            none = {"accuracy": None, "low": None, "high": None, "support": 0}
            result.metrics["per_class"]["w"] |= none
    page = page_of(plan, results)
    assert "not comparable" in page[page.index('id="class-by-class"') :]


def test_claims_are_judged_by_the_rows_predictions(plan: StudyPlan) -> None:
    _, claims = made(plan, D="exit status 3")
    assert claims["claim"].tolist() == ["A is the best", "D is the best"]
    assert claims["verdict"].tolist() == ["holds", "cannot be told"]
    assert claims["why"].tolist() == [
        "A is better than B (10.0 points, p < 0.001)",
        "D did not run",
    ]


def test_claims_about_rows_that_were_not_chosen_are_left_out(plan: StudyPlan) -> None:
    _, claims = made(replace(plan, rows=plan.rows[:1]))
    assert claims.columns.tolist() == ["claim", "verdict", "why"]
    assert claims.empty


def test_the_figure_shows_rows_that_have_run(plan: StudyPlan) -> None:
    table, _ = made(plan, D="exit status 3")
    shown = texts(drawn(draw(table)))
    assert {"A  Row A", "B  Row B", "C  Row C", "reproduced", "worse", "reported"} <= set(shown)
    assert "D  Row D" not in shown
    assert "No row has been measured." in texts(drawn(draw(table.iloc[3:])))


def test_measures_have_axes_of_their_own(plan: StudyPlan) -> None:
    rows = (replace(plan.rows[0], reported={"accuracy": 0.81, "log_loss": 0.5}),)
    figure = drawn(draw(made(replace(plan, rows=rows))[0]))
    assert len(figure.axes) == 2


def test_the_page_tells_all_of_it(plan: StudyPlan) -> None:
    page = page_of(plan, D="exit status 3\n<the last words>")
    for text in (
        "Study: any",
        "A  Row A",
        "reported 1 min 39 s",
        "as A",  # C
        "Not comparable: C (other data).",
        "D (seed 0) failed",
        "&lt;the last words&gt;",
        "A is better than B (10.0 points, p &lt; 0.001)",
        "A note on B.",
        "For both.",
        "kedro run --pipeline=study --params=study=any",
    ):
        assert text in page, text
    per_class = page[page.index('id="class-by-class"') :]
    assert per_class.index("20.0 %") < per_class.index("better")
