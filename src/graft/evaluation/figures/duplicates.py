"""Pairs of duplicates side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graft.evaluation.figures.images import shorten, show_image
from graft.evaluation.figures.style import GREY, INK, SMALL, TITLE, in_words, new_figure

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    from matplotlib.figure import Figure

_PAIRS_A_ROW = 4
_CELL = 1.15  # inches of an image


def duplicate_pairs(
    images: np.ndarray, position: Mapping[str, int], pairs: pd.DataFrame, limit: int = 24
) -> Figure:
    """The most striking pairs: across splits first, then those whose labels differ.

    Of each group one pair is shown before a second one, and the nearest before the less alike.

    Args:
        images: uint8 (N, H, W, 3); may be memory-mapped.
        position: From an id to its image's position.
        pairs: A row a pair, as `graft.images.duplicates.add_splits` returns them.
        limit: At most so many pairs are shown.
    """
    count, across = len(pairs), int(pairs["across_splits"].sum())
    if not count:
        return in_words(f"no duplicates found among {len(images):,} images")
    striking = ["across_splits", "labels_differ"]
    ranked = pairs.sort_values([*striking, "distance"], ascending=[False, False, True])
    ranked["turn"] = ranked.groupby(["group", *striking]).cumcount()
    order = [*striking, "turn", "distance", "id_a", "id_b"]
    shown = ranked.sort_values(order, ascending=[False, False, True, True, True, True]).head(limit)

    columns = min(_PAIRS_A_ROW, len(shown))
    rows = -(-len(shown) // columns)
    figure = new_figure(columns * (2 * _CELL + 0.25), rows * (_CELL + 0.55) + 0.3)
    # A narrow empty column sets the pairs apart.
    widths = [1, 1, 0.15] * columns
    grid = figure.subplots(rows, 3 * columns, squeeze=False, width_ratios=widths)
    for axes in grid.ravel():
        axes.set_axis_off()
    for place, pair in enumerate(shown.itertuples()):
        row, column = divmod(place, columns)
        left, right = grid[row, 3 * column : 3 * column + 2]
        sides = ((left, pair.id_a, pair.label_a, pair.split_a),
                 (right, pair.id_b, pair.label_b, pair.split_b))  # fmt: skip
        for axes, image, label, split in sides:
            axes.set_axis_on()
            show_image(axes, images[position[str(image)]])
            axes.set_title(f"{shorten(str(label))}\n{split}", fontsize=SMALL, color=INK, pad=2)
        how = "exact" if pair.kind == "exact" else f"near, {pair.distance} bits"
        left.set_xlabel(how, fontsize=SMALL, color=GREY, labelpad=2)
        right.set_xlabel(
            "mirrored" if pair.mirrored else "", fontsize=SMALL, color=GREY, labelpad=2
        )
    noun = "pair" if count == 1 else "pairs"
    heading = f"{count:,} {noun} of duplicates, {across:,} of them across splits"
    figure.suptitle(heading, fontsize=TITLE, color=INK, x=0.01, ha="left")
    return figure
