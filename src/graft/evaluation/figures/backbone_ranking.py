"""Backbones by the worth of their features and by their cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graft.evaluation.figures.style import (
    GREY,
    INK,
    SMALL,
    TEXT,
    colour,
    in_percent,
    marker,
    new_figure,
    tidy,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_MEASURES = {"linear_probe": "linear probe", "knn": "k-NN"}


def backbone_ranking(table: pd.DataFrame) -> Figure:
    """A row for each backbone, the best at the top: probes with deviations; in words its cost.

    Args:
        table: The result of `graft.probes.backbone_selection.rank_backbones`.
    """
    tried = table[table["problem"] == ""]
    figure = new_figure(9.0, 1.6 + 0.55 * max(1, len(table)))
    axes = figure.subplots()
    for position, (measure, label) in enumerate(_MEASURES.items()):
        axes.errorbar(
            tried[measure],
            np.arange(len(tried)) + 0.16 * (position - 0.5),
            xerr=tried[f"{measure}_deviation"].fillna(0),
            fmt=marker(position),
            color=colour(position),
            markersize=6,
            linewidth=1.6,
            capsize=3,
            linestyle="none",
            label=label,
        )
    for place, row in enumerate(table.to_dict("records")):
        known = not row["problem"]
        axes.annotate(
            _cost(row) if known else "could not be tried: see the table",
            (1.02, place),
            xycoords=("axes fraction", "data"),
            fontsize=SMALL,
            color=INK if known else GREY,
            va="center",
        )
    measure = tried["measure"].iloc[0].replace("_", " ") if len(tried) else "accuracy"
    tidy(axes, x=f"{measure} in cross-validation, ± deviation over folds", grid="x")
    names = [
        f"{row['backbone']}\n{_short(row['weights'])}, {row['input_size']} px"
        for row in table.to_dict("records")
    ]
    axes.set_yticks(range(len(table)), names, fontsize=SMALL)
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    in_percent(axes, "x")
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=TEXT)
    return figure


def _cost(row: dict[str, float]) -> str:
    return (
        f"LogME {row['logme']:.2f}\n{row['parameters'] / 1e6:.2g} M parameters, "
        f"{row['multiply_accumulates'] / 1e6:.3g} M MACs, "
        f"{row['seconds_per_1000_images']:.2g} s a 1,000 images"
    )


def _short(weights: str) -> str:
    """The name of a file without its folder, shortened."""
    name = weights.replace("\\", "/").rpartition("/")[2]
    return name if len(name) <= 28 else f"{name[:27]}…"
