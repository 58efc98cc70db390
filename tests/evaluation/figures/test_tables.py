"""Tables of strategies, and parallel coordinates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graft.evaluation import figures
from graft.evaluation.figures.tables import in_short

from .drawing import drawn, texts


def test_a_strategy_is_shown_with_its_score_and_what_was_trained_for_it() -> None:
    rows = [
        {"name": "frozen", "value": 0.9, "low": 0.88, "high": 0.92, "trainable_parameters": 650,
         "parameters": 272_474, "train_seconds": 1.25},
        {"name": "all", "value": 0.95, "trainable_parameters": 272_474, "parameters": 272_474,
         "train_seconds": None},
    ]  # fmt: skip
    figure = drawn(figures.strategy_table(rows, "accuracy", "Strategies"))
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["frozen", "all"]
    shown = texts(figure)
    assert {"Strategies", "90.0 %", "650", "0.239 %", "1.2 s", "272 k", "100 %"} <= set(shown)
    with pytest.raises(ValueError, match="at least one row"):
        figures.strategy_table([], "accuracy", "")


def test_columns_that_nobody_knows_are_left_out() -> None:
    figure = drawn(figures.strategy_table([{"name": "a", "value": 0.5}], "macro F1", "T"))
    assert not {"trained", "of all", "train"} & set(texts(figure))


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0"), (812, "812"), (61_900, "61.9 k"), (2.2e6, "2.2 M")]
)
def test_numbers_of_parameters_are_written_as_in_papers(number: float, words: str) -> None:
    assert in_short(number) == words


def runs() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "rate": [1e-4, 1e-2, 1e-3],
            "layers": [2, 4, 3],
            "optimizer": ["sgd", "adam", "sgd"],
            "constant": 7,
            "accuracy": [0.7, 0.9, np.nan],
        }
    )


def test_parallel_coordinates_have_an_axis_for_each_parameter_that_varies() -> None:
    figure = drawn(figures.parallel_coordinates(runs(), "accuracy"))
    bold = [t.get_text() for t in figure.axes[0].texts if t.get_weight() == "bold"]
    assert bold == ["rate", "layers", "optimizer", "accuracy"]
    assert "2 runs" in texts(figure)  # the third has no accuracy
    best = next(line for line in figure.axes[0].lines if line.get_marker() == "o")
    np.testing.assert_allclose(best.get_xydata(), [[0, 1], [1, 1], [2, 0], [3, 1]])
    chosen = figures.parallel_coordinates(runs(), "accuracy", ["optimizer"], "A title")
    bold = [t.get_text() for t in chosen.axes[0].texts if t.get_weight() == "bold"]
    assert bold == ["optimizer", "accuracy"]
    assert "A title" in texts(chosen)


def test_numbers_that_span_decades_stand_on_a_logarithmic_scale() -> None:
    table = runs().assign(accuracy=[0.7, 0.9, 0.8])
    axes = figures.parallel_coordinates(table, "accuracy", ["rate", "layers"]).axes[0]
    heights = {
        text.get_text(): text.get_position()[1]
        for text in axes.texts
        if text.get_weight() != "bold"
    }
    assert heights["0.001"] == pytest.approx(0.5)
    assert heights["3"] == pytest.approx(0.5)


def test_runs_that_differ_in_nothing_and_mixed_values_are_drawn() -> None:
    same = pd.DataFrame({"rate": [1, 1], "accuracy": [0.5, 0.5]})
    drawn(figures.parallel_coordinates(same, "accuracy"))
    mixed = pd.DataFrame({"shots": [None, 10, 5], "flag": [True, False, True], "f1": [1, 2, 3]})
    drawn(figures.parallel_coordinates(mixed, "f1"))
    lacking = pd.DataFrame({"decay": [None, 0.9, None], "f1": [1, 2, 3]})
    words = {text.get_text() for text in figures.parallel_coordinates(lacking, "f1").axes[0].texts}
    assert {"decay", "none", "0.9"} <= words
    with pytest.raises(ValueError, match="no run has a value"):
        figures.parallel_coordinates(runs().iloc[2:], "accuracy")
