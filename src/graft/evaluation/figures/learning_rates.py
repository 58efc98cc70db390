"""The loss at rising learning rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graft.evaluation.figures.style import GREY, TEXT, colour, new_figure, tidy

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from graft.training.learning_rate_finder import Suggestion


def learning_rate_curve(search: pd.DataFrame, suggestion: Suggestion) -> Figure:
    """Loss by learning rate, smoothed and batch by batch, with the rate that is suggested.

    Args:
        search: Columns learning_rate, loss and smoothed_loss, a row a step.
        suggestion: What it says.
    """
    figure = new_figure(6.4, 3.8)
    axes = figure.subplots()
    rates, smoothed = search["learning_rate"], search["smoothed_loss"]
    axes.plot(rates, search["loss"], color=GREY, linewidth=0.8, alpha=0.7, label="of a batch")
    axes.plot(rates, smoothed, color=colour(0), linewidth=2.0, label="smoothed")
    axes.axvline(
        suggestion.learning_rate,
        color=colour(1),
        linestyle="--",
        label=f"suggested: {suggestion.learning_rate:.2g}",
    )
    axes.axvline(
        suggestion.lowest_loss_at,
        color=colour(2),
        linestyle=":",
        label=f"lowest loss: {suggestion.lowest_loss_at:.2g}",
    )
    axes.set_xscale("log")
    # Single batches at the end may be far above all that matters.
    axes.set_ylim(0, 1.1 * float(smoothed.max()))
    tidy(axes, title="Loss at rising learning rates", x="learning rate of the head", y="loss")
    axes.legend(frameon=False, fontsize=TEXT)
    return figure
