"""Nodes of `study`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from graft.studies.plan import StudyPlan
    from graft.studies.results import RowResult

Params = dict[str, Any]


def run_rows(study_plan: StudyPlan, study_rows: Params) -> Params:
    """Run the rows that have not been run, each in a process of its own; what became of each."""
    import mlflow

    from graft.studies.rows import kedro_program
    from graft.studies.rows import run_rows as run

    active = mlflow.active_run()
    return run(
        study_plan,
        study_rows["processes"],
        kedro_program(),
        active.info.run_id if active else None,
    )


def tabulate(
    study_plan: StudyPlan,
    study_outcomes: Params,
    study_results: Sequence[RowResult],
    evaluation: Params,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of rows and the table of the report's conclusions."""
    from graft.studies.table import claims_table, study_table

    claims = claims_table(
        study_plan,
        study_results,
        resamples=evaluation["bootstrap_resamples"],
        confidence=evaluation["confidence"],
        seed=seed,
    )
    return study_table(study_plan, study_outcomes, study_results), claims


def draw_study(study_table: pd.DataFrame) -> Figure:
    """Measured values with their intervals beside the reported ones."""
    from graft.evaluation.figures.study import study

    return study(study_table)


def write_study_report(
    study_plan: StudyPlan,
    study_outcomes: Params,
    study_table: pd.DataFrame,
    study_claims: pd.DataFrame,
    study_results: Sequence[RowResult],
    study_figure: bytes,
    study_origin: Params,
) -> str:
    """One page with the table, the claims, and what a reader has to know of each row."""
    from graft.studies.page import study_page

    return study_page(
        study_plan,
        study_outcomes,
        study_table,
        study_claims,
        study_results,
        study_figure,
        study_origin,
    )


def require_all_rows(study_outcomes: Params, study_report: str) -> None:
    """Let the study fail in the end where a row has failed; its table and page are saved."""
    from graft.studies.rows import require_success

    require_success(study_outcomes)
