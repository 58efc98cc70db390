"""All figures: drawn without a display, told apart in grey, and legends that fit."""

from __future__ import annotations

import subprocess
import sys

import pytest

from graft.evaluation import figures
from graft.evaluation.figures import style

from .drawing import drawn, measured


def test_figures_leave_no_trace_in_pyplot_and_imports_are_lazy() -> None:
    code = (
        "import sys, graft.evaluation, graft.evaluation.figures as figures\n"
        "heavy = {'torch', 'sklearn', 'scipy', 'matplotlib', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "import numpy as np\n"
        "figures.image_grid(np.zeros((2, 8, 8, 3), np.uint8), ['a', 'b'], 2)\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("methods", [2, 5])
def test_methods_can_be_told_apart_without_colours(methods: int) -> None:
    looks = [style.line_style, style.marker, style.hatch, style.colour]
    for look in looks:
        assert len({str(look(position)) for position in range(methods)}) == methods


def test_colours_of_neighbouring_methods_differ_in_grey_or_in_hatching() -> None:
    metrics = dict.fromkeys([f"method {k}" for k in range(5)], measured(3))
    bars = figures.per_class_scores(metrics).axes[0].patches[::3]
    assert len({bar.get_hatch() for bar in bars}) == 5


@pytest.mark.parametrize("width", [3.0, 5.0, 9.0])
def test_a_legend_has_as_many_columns_as_the_figure_has_room_for(width: float) -> None:
    figure = style.new_figure(width, 3.0)
    axes = figure.subplots()
    for position in range(5):
        axes.plot([0, 1], label=f"linear probe on frozen features {position}")
    style.legend_below(figure)
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert box.width <= 1.02 * width * figure.dpi


def test_a_sentence_fits_its_figure() -> None:
    figure = drawn(figures.in_words("Grad-CAM is not available for mlp: none of its stages has a"))
    assert figure.texts[0].get_window_extent().width < figure.get_figwidth() * figure.dpi


def test_dollar_signs_in_names_are_no_formulas() -> None:
    figure = style.new_figure(3.0, 2.0)
    axes = figure.subplots()
    axes.set_title("$_{ for $_{")
    axes.set_xscale("log")
    drawn(figure)  # a formula that cannot be read would be an error
    assert not axes.title.get_parse_math()
    assert all(label.get_parse_math() for label in axes.get_xticklabels())
