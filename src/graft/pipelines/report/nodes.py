"""Nodes of `report`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

Params = dict[str, Any]


def write_report(
    run_origin: Params,
    dataset_card: Params,
    quarantine: pd.DataFrame,
    metrics: Params,
    comparison_table: pd.DataFrame,
    model_summary: pd.DataFrame,
    diagnosis: Params,
    calibration: Params,
    **figures: bytes,
) -> str:
    """One page with all that a reader of this run wants to know."""
    from graft.report import RunResults, run_report

    return run_report(
        RunResults(
            origin=run_origin,
            card=dataset_card,
            quarantine=quarantine,
            metrics=metrics,
            comparison=comparison_table,
            model_summary=model_summary,
            figures=figures,
            diagnosis=diagnosis,
            calibration=calibration,
        )
    )


def write_comparison_report(
    comparison_origin: Params,
    leaderboard: pd.DataFrame,
    compared_pairs: pd.DataFrame,
    leaderboard_figure: bytes,
) -> str:
    """One page with all that a reader of a comparison wants to know."""
    from graft.report import comparison_report

    return comparison_report(comparison_origin, leaderboard, compared_pairs, leaderboard_figure)
