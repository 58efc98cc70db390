"""What a user sees at the end of a run: the comparison, and where to look next."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import yaml

from graft.tracking.records import flat

if TYPE_CHECKING:
    import pandas as pd

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


def print_summary(comparison: pd.DataFrame, look_next: list[str]) -> None:
    """Print the comparison, and lines that lead to everything else.

    Args:
        comparison: What `graft.evaluation.comparison.comparison_table` returns.
        look_next: The lines.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    images = comparison["test_images"].max()
    table = Table(box=box.SIMPLE_HEAD, title=f"{images:,} test images", title_justify="left")
    table.add_column("method")
    columns = [column for column in _COLUMNS if column in comparison]
    for column in columns:
        table.add_column(_COLUMNS[column], justify="right", no_wrap=True)
    for row in comparison.to_dict("records"):
        table.add_row(row["method"], *(_cell(column, row) for column in columns))
    console = Console()
    console.print(table)
    for line in look_next:
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def where_the_graph_is(runtime_params: Mapping[str, Any]) -> str:
    """How to see the pipeline in Kedro-Viz with the results of a run that had these parameters."""
    given = ",".join(f"{name}={_as_typed(value)}" for name, value in flat(runtime_params))
    option = f" --params={shlex.quote(given)}" if given else ""
    return f"Pipeline, data and figures:  kedro viz run{option}"


def where_the_runs_are(tracking_uri: str, experiment_id: str) -> list[str]:
    """How to see the experiment's runs in MLflow."""
    # Without the query MLflow opens in its mode for language models.
    page = f"/#/experiments/{experiment_id}/runs?workflowType=machine_learning"
    if tracking_uri.startswith(("http://", "https://")):
        return [f"Curves and all runs:         {tracking_uri.rstrip('/')}{page}"]
    # Job execution and more workers only make the server slow to start (41 s instead of 12).
    command = (
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow ui --workers 1 "
        f"--backend-store-uri {shlex.quote(tracking_uri)}"
    )
    return [
        f"Curves and all runs:         {command}",
        f"                             and open http://127.0.0.1:5000{page}",
    ]


def _as_typed(value: object) -> str:
    """A parameter's value as it has to be typed, quoted where YAML reads the bare text otherwise.

    >>> _as_typed(0.1), _as_typed("photos"), _as_typed("*"), _as_typed("007"), _as_typed(None)
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
    if column == "mcnemar_p" and value < 0.001:
        return "<0.001"
    low, high = row.get(f"{column}_low"), row.get(f"{column}_high")
    if low is None or high is None:
        return f"{value:.3f}"
    sign = "+" if column == "difference" else ""
    return f"{value:{sign}.3f}\n[dim]{low:{sign}.3f}…{high:{sign}.3f}[/dim]"
