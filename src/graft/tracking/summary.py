"""What a user sees at the end of a run: its main results, and where to look next."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from graft.nested import leaves
from graft.tracking.location import without_password

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

# What fits a terminal of eighty columns; the table itself has more. Where images show several
# classes, mean average precision takes the place of accuracy.
_COLUMNS = {
    "accuracy": "accuracy",
    "mean_average_precision": "mAP",
    "macro_f1": "macro F1",
    "difference": "difference",
    "mcnemar_p": "p",
    "train_seconds": "train, s",
}


# The results that are shown at the end of a run; the others are in the catalog and in MLflow.
SHOWN = (
    "comparison_table",
    "diagnosis",
    "leaderboard",
    "learning_curve_table",
    "learning_curve_diagnosis",
    "study_table",
)

# Files that are worth opening, in the order in which they are named at the end of a run.
OPENED = (
    "report",
    "comparison_report",
    "study_report",
    "predictions",
    "suspicious_labels_figure",
    "backbone_ranking_figure",
    "learning_rate_figure",
    "learning_curves_figure",
    "sweep_coordinates_figure",
    "best_experiment",
)


def print_summary(results: Mapping[str, Any], look_next: list[str]) -> None:
    """Print the results that a person looks at first, and lines that lead to everything else.

    Args:
        results: What the run has made of `SHOWN`.
        look_next: The lines.
    """
    from rich.console import Console

    tables = {
        "comparison_table": _comparison,
        "leaderboard": _leaderboard,
        "learning_curve_table": _learning_curve,
        "study_table": _study,
    }
    console = Console()
    for name in SHOWN:
        if name not in results:
            continue
        if name in tables:
            console.print(tables[name](results[name]))
            continue
        for method, told in results[name].items():
            console.print(f"{method}: {told['sentence']}", markup=False, highlight=False)
        console.print()
    for line in look_next:
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def _comparison(comparison: pd.DataFrame) -> Table:
    columns = [column for column in _COLUMNS if column in comparison]
    images = comparison["test_images"].max()
    return _table(
        f"{images:,} test images",
        ["method", *(_COLUMNS[column] for column in columns)],
        [
            [row["method"], *(_cell(column, row) for column in columns)]
            for row in comparison.to_dict("records")
        ],
    )


def _leaderboard(board: pd.DataFrame) -> Table:
    """Ranks are shared by those between which nothing is proven."""
    measure = str(board["measure"].iloc[0]).replace("_", " ")
    return _table(
        f"{board['test_images'].min():,} test images; shared ranks: nothing is proven",
        ["rank, method", "seeds", measure, "deviation", "difference", "p (Holm)"],
        [
            [
                f"{row['rank']}. {row['method']}",
                str(row["seeds"]),
                *(_cell(column, row) for column in ("score", "deviation", "difference", "p_holm")),
            ]
            for row in board.to_dict("records")
        ],
    )


def _learning_curve(table: pd.DataFrame) -> Table:
    return _table(
        "Learning curves: means over the seeds",
        ["method", "images", "seeds", "test", "deviation", "gap to training"],
        [
            [
                row["method"],
                f"{row['train_images']:,}",
                str(row["seeds"]),
                *(_cell(column, row) for column in ("test", "test_deviation", "gap")),
            ]
            for row in table.to_dict("records")
        ],
    )


def _study(table: pd.DataFrame) -> Table:
    return _table(
        "Measured and reported",
        ["row, measure", "measured", "reported", "verdict"],
        [
            [
                f"{row['row']}, {row['measure'].replace('_', ' ')}",
                *(_study_cell(column, row) for column in ("measured", "reported")),
                row["verdict"],
            ]
            for row in table.to_dict("records")
        ],
    )


def _study_cell(column: str, row: dict[str, Any]) -> str:
    """Parameters and operations are counted: whole numbers without an interval."""
    from graft.evaluation.verdicts import COUNTED

    if row["measure"] in COUNTED and row[column] == row[column]:
        return f"{row[column]:,.0f}"
    return _cell(column, row)


def _table(title: str, header: list[str], rows: list[list[str]]) -> Table:
    """The first column, which may hold anybody's names, to the left, numbers to the right."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    table.add_column(header[0])
    for name in header[1:]:
        table.add_column(name, justify="right", no_wrap=True)
    for first, *others in rows:
        table.add_row(escape(first), *others)
    return table


def where_the_graph_is(runtime_params: Mapping[str, Any]) -> str:
    """How to see the pipeline in Kedro-Viz with the results of a run that had these parameters."""
    given = ",".join(f"{name}={as_typed(value)}" for name, value in leaves(runtime_params))
    option = f" --params={shlex.quote(given)}" if given else ""
    return f"Pipeline, data and figures:  kedro viz run{option}"


def how_to_classify(experiment: str) -> str:
    """How to use the model that a run of this experiment has bundled."""
    command = f"kedro run --pipeline=prediction -x {shlex.quote(experiment)}"
    return f"Classify other images:       {command} --params=prediction.folder=FOLDER"


def where_to_look(files: Mapping[str, Path]) -> list[str]:
    """The files of `OPENED` among those that a run has saved, by name."""
    shown = [(name.replace("_", " ").capitalize(), files[name]) for name in OPENED if name in files]
    return [f"{f'{name}:':<28} {path}" for name, path in shown]


def where_the_runs_are(
    tracking_uri: str, experiment_id: str, on_server: str | None = None
) -> list[str]:
    """How to see a run and all others in MLflow.

    Args:
        tracking_uri: The store that the run is recorded in.
        experiment_id: The experiment's id there.
        on_server: The address of the run's copy on a tracking server, if there is one.
    """
    if on_server:
        return [f"Curves and all runs:         {on_server}"]
    # Without the query MLflow opens in its mode for language models.
    page = f"/#/experiments/{experiment_id}/runs?workflowType=machine_learning"
    # Job execution and more workers only make the server slow to start (41 s instead of 12).
    command = (
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow ui --workers 1 "
        f"--backend-store-uri {shlex.quote(without_password(tracking_uri))}"
    )
    return [
        f"Curves and all runs:         {command}",
        f"                             and open http://127.0.0.1:5000{page}",
    ]


def as_typed(value: object) -> str:
    """A parameter's value as it has to be typed, quoted where YAML reads the bare text otherwise.

    >>> as_typed(0.1), as_typed("photos"), as_typed("*"), as_typed("007"), as_typed(None)
    ('0.1', 'photos', '"*"', '"007"', 'null')
    """
    text = str(value)
    if isinstance(value, str):
        with suppress(yaml.YAMLError):
            return text if yaml.safe_load(text) == value else json.dumps(value)
    return text if isinstance(value, float) else json.dumps(value)


def _cell(column: str, row: dict[str, float]) -> str:
    """A number, under it its interval where there is one; nothing for NaN."""
    value = row[column]
    if value is None or value != value:  # NaN differs from itself
        return ""
    if column == "train_seconds":
        return f"{value:.1f}"
    if column in ("mcnemar_p", "p_holm") and value < 0.001:
        return "<0.001"
    low, high = row.get(f"{column}_low"), row.get(f"{column}_high")
    if low is None or high is None:
        return f"{value:.3f}"
    sign = "+" if column == "difference" else ""
    return f"{value:{sign}.3f}\n[dim]{low:{sign}.3f}…{high:{sign}.3f}[/dim]"
