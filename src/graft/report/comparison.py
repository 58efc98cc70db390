"""The report of a comparison of runs: the leaderboard, and every pair."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graft.report.numbers import SHARES, in_words, title
from graft.report.origin import configuration_section, repeating_section
from graft.report.page import Picture, Section, Table, render_page

if TYPE_CHECKING:
    import pandas as pd


def comparison_report(
    origin: Mapping[str, Any],
    board: pd.DataFrame,
    pairs: pd.DataFrame,
    figure: bytes,
) -> str:
    """The report as HTML.

    Args:
        origin: What it takes to make the comparison again, as `RunOriginDataset` loads it.
        board: The leaderboard of `graft.evaluation.leaderboard`.
        pairs: The test of each pair, likewise.
        figure: The leaderboard as PNG.
    """
    measure = str(board["measure"].iloc[0])
    # Differences of shares are in points, of other measures as they are.
    difference = "difference" if measure in SHARES else "loss difference"
    sections = [
        Section(
            "Leaderboard",
            [
                _board(board, measure, difference),
                Picture(
                    figure,
                    "Scores, and differences to the best",
                    "Who shares a rank cannot be told apart by these test images and seeds.",
                ),
            ],
        ),
        Section("Every pair", [_pairs(pairs, difference)]),
        configuration_section(origin),
        repeating_section(origin),
    ]
    best = board.iloc[0]
    first = board[board["rank"] == best["rank"]]
    highlights = [
        (in_words(measure, best["score"]), f"{title(measure)}, {best['method']}"),
        (f"{len(first)} of {len(board)}", "share the first rank"),
        (f"{int(best['test_images']):,}", "test images"),
    ]
    return render_page(
        "Graft: comparison",
        f"{len(board)} contestants by {title(measure)}",
        sections,
        highlights,
    )


def _board(board: pd.DataFrame, measure: str, difference: str) -> Table:
    rows = [
        [
            f"{row['rank']}. {row['method']}",
            in_words(measure, row["score"], row["score_low"], row["score_high"]),
            f"{row['seeds']:,}",
            in_words(measure, row["deviation"]),
            _in_words(difference, row),
            in_words("mcnemar_p", row["p_holm"]),
            f"{row['test_images']:,}",
        ]
        for row in board.to_dict("records")
    ]
    header = [
        "rank and method",
        title(measure),
        "seeds",
        "deviation",
        "difference to the first",
        "p (Holm)",
        "test images",
    ]
    return Table(header, rows, "Differences are paired: the same test images for both.")


def _pairs(pairs: pd.DataFrame, difference: str) -> Table:
    rows = [
        [
            f"{row['first']} against {row['second']}",
            _in_words(difference, row),
            str(row["test"]),
            *(in_words("mcnemar_p", row[key]) for key in ("p", "p_holm", "q")),
        ]
        for row in pairs.to_dict("records")
    ]
    header = ["pair", "difference", "test", "p", "p (Holm)", "q (Benjamini-Hochberg)"]
    return Table(header, rows, "p (Holm) and q are corrected for the number of pairs.")


def _in_words(key: str, row: Mapping[Any, Any]) -> str:
    return in_words(key, row["difference"], row["difference_low"], row["difference_high"])
