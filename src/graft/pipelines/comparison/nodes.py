"""Nodes of `comparison`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from graft.evaluation.leaderboard import Result

Params = dict[str, Any]


def rank(
    compared_results: Sequence[Result], comparison: Params, evaluation: Params, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame, Params]:
    """The leaderboard, the test of each pair, and the scores for MLflow."""
    from graft.evaluation.leaderboard import leaderboard

    board, pairs = leaderboard(
        _chosen(compared_results, comparison["methods"]),
        measure=comparison["measure"],
        resamples=evaluation["bootstrap_resamples"],
        confidence=evaluation["confidence"],
        seed=seed,
    )
    return board, pairs, _scores(board)


def _chosen(results: Sequence[Result], methods: Sequence[str] | None) -> list[Result]:
    """Those of the methods; of none each run's main one, or all of a single configuration.

    Raises:
        GraftError: The runs have no such method.
    """
    from graft.errors import GraftError

    if methods:
        known = list(dict.fromkeys(result.predictions.method for result in results))
        unknown = [method for method in methods if method not in known]
        if unknown:
            raise GraftError(
                f"comparison.methods: the runs have no '{unknown[0]}'; they have "
                f"{', '.join(known)}."
            )
        return [result for result in results if result.predictions.method in methods]
    if len({result.configuration for result in results}) == 1:
        return list(results)
    main: dict[str, Result] = {}
    for result in results:
        main.setdefault(result.run, result)  # a run's main method comes first
    return list(main.values())


def _scores(board: pd.DataFrame) -> Params:
    """Of each contestant its score with the interval, and its rank."""
    return {
        row["method"]: {
            row["measure"]: {
                "value": row["score"],
                "low": row["score_low"],
                "high": row["score_high"],
            },
            "rank": {"value": row["rank"]},
        }
        for row in board.to_dict("records")
    }


def draw_leaderboard(leaderboard: pd.DataFrame) -> Figure:
    """Scores, and differences to the best, with their intervals."""
    from graft.evaluation.figures.leaderboard import leaderboard as draw

    return draw(leaderboard)


def draw_parameters(compared_results: Sequence[Result], leaderboard: pd.DataFrame) -> Figure:
    """A line for each contestant, through the parameters in which they differ, to its score."""
    import pandas as pd

    from graft.evaluation.comparison import LOSSES
    from graft.evaluation.figures import parallel_coordinates

    told = {result.run: result.parameters for result in compared_results}
    measure = str(leaderboard["measure"].iloc[0])
    sign, metric = (-1, f"minus {measure}") if measure in LOSSES else (1, measure)
    rows = [
        {"method": row["method"], **told[row["runs"].split()[0]], metric: sign * row["score"]}
        for row in leaderboard.to_dict("records")
    ]
    return parallel_coordinates(
        pd.DataFrame(rows), metric, title="What the compared runs differ in"
    )
