"""The last thing on the screen."""

from __future__ import annotations

import shlex
from pathlib import Path

import pandas as pd
import pytest
from omegaconf import OmegaConf

from graft.tracking.summary import (
    print_summary,
    where_the_graph_is,
    where_the_runs_are,
    where_to_look,
)


@pytest.fixture
def comparison() -> pd.DataFrame:
    """The columns of `graft.evaluation.comparison.comparison_table` that matter here."""
    first = {"method": "finetuned", "test_images": 1797, "train_seconds": 12.34}
    second = {"method": "svm", "test_images": 1797, "mcnemar_p": 0.25}
    for name, value in {"accuracy": 0.97, "macro_f1": 0.96, "difference": -0.012}.items():
        second |= {name: value, f"{name}_low": value - 0.01, f"{name}_high": value + 0.01}
        if name != "difference":
            first |= {name: value, f"{name}_low": value - 0.01, f"{name}_high": value + 0.01}
    return pd.DataFrame([first, second])


def test_every_method_is_shown_with_its_intervals(comparison, capsys):
    print_summary({"comparison_table": comparison}, ["kedro viz run"])
    shown = capsys.readouterr().out
    for text in ("1,797 test images", "finetuned", "svm", "0.970", "0.960…0.980", "12.3"):
        assert text in shown
    assert "-0.012" in shown
    assert "-0.022…-0.002" in shown
    assert "kedro viz run" in shown


def test_a_tiny_p_value_is_not_zero(comparison, capsys):
    comparison["mcnemar_p"] = 1e-9
    print_summary({"comparison_table": comparison}, [])
    assert "<0.001" in capsys.readouterr().out


def test_what_is_not_defined_is_left_empty(comparison, capsys):
    print_summary({"comparison_table": comparison}, [])
    assert "nan" not in capsys.readouterr().out.lower()


def test_the_leaderboard_shows_ranks_that_may_be_shared(capsys):
    row = {"rank": 1, "test_images": 899, "seeds": 3, "measure": "macro_f1", "deviation": 0.004}
    row |= {"score": 0.97, "score_low": 0.96, "score_high": 0.98}
    second = {"difference": -0.012, "difference_low": -0.022, "difference_high": 0.002}
    board = pd.DataFrame(
        [row | {"method": "digits"}, row | second | {"method": "ten shots", "p_holm": 0.21}]
    )
    print_summary({"leaderboard": board}, [])
    shown = capsys.readouterr().out
    for text in ("899 test images", "1. digits", "1. ten shots", "macro f1", "-0.012", "0.210"):
        assert text in shown
    assert "nan" not in shown.lower()


def test_brackets_in_names_are_no_markup(comparison, capsys):
    comparison["method"] = ["a [/old]", "[red]"]
    print_summary({"comparison_table": comparison}, [])
    shown = capsys.readouterr().out
    assert "[/old]" in shown
    assert "[red]" in shown


def test_learning_curves_end_with_the_diagnosis(capsys):
    row = {"method": "scratch", "train_images": 1222, "seeds": 3, "test": 0.9, "gap": 0.05}
    table = pd.DataFrame([row | {"test_low": 0.8, "test_high": 1.0, "test_deviation": 0.01}])
    diagnosis = {"scratch": {"sentence": "Too few data [variance]."}}
    results = {"learning_curve_table": table, "learning_curve_diagnosis": diagnosis}
    print_summary(results, ["next"])
    shown = capsys.readouterr().out
    assert "1,222" in shown
    assert shown.rstrip().endswith("next")
    assert shown.index("0.800…1.000") < shown.index("scratch: Too few data [variance].")


def test_the_ui_of_a_local_store_is_started_the_light_way():
    command = "\n".join(where_the_runs_are("sqlite:////a b/mlflow.db", "7"))
    assert "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow ui --workers 1" in command
    assert "--backend-store-uri 'sqlite:////a b/mlflow.db'" in command
    assert "/#/experiments/7/runs?workflowType=machine_learning" in command


def test_a_tracking_server_needs_no_command():
    page = "https://tracking.example/#/experiments/3/runs/ab"
    (line,) = where_the_runs_are("sqlite:////a/mlflow.db", "7", page)
    assert line.endswith(page)


def test_the_graph_is_shown_with_the_parameters_of_the_run():
    line = where_the_graph_is({"experiment": "folder", "source": {"folder": "my photos"}})
    assert line.endswith("kedro viz run --params='experiment=folder,source.folder=my photos'")
    assert where_the_graph_is({}).endswith("kedro viz run")


def test_a_shown_command_gives_back_the_parameters_that_were_typed():
    typed = {
        "text": {"star": "*", "bar": "|", "number": "007", "space": " ", "path": "~/my photos"},
        "seed": 3,
        "rate": 1e-3,
        "resume": True,
        "folder": None,
    }
    command = shlex.split(where_the_graph_is(typed))[-1].removeprefix("--params=")
    assert OmegaConf.to_container(OmegaConf.from_dotlist(command.split(","))) == typed


def test_files_that_are_worth_opening_are_named():
    files = {"learning_rate_figure": Path("b.png"), "report": Path("a.html"), "svm": Path("c")}
    lines = where_to_look(files)
    assert [line.split() for line in lines] == [
        ["Report:", "a.html"],
        ["Learning", "rate", "figure:", "b.png"],
    ]
