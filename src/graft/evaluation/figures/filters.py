"""The filters of a first convolution as small pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graft.evaluation.figures.images import show_image
from graft.evaluation.figures.style import INK, TITLE, in_words, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CELL, _COLUMNS = 0.55, 16  # inches of a filter, filters in a row


def first_layer_filters(layer: str, weights: np.ndarray, limit: int = 128) -> Figure:
    """Each filter as a picture: grey is a weight of zero, a colour what the filter looks for.

    Every filter is scaled by its own largest weight. After training, filters are edges and blobs
    of colour; noise in most of them says that the layer has learnt little.

    Args:
        layer: Its path in the network.
        weights: float (F, 3, h, w); F may be 0, and the figure says so.
        limit: At most so many are shown.
    """
    if not len(weights):
        return in_words("this network does not begin with a convolution: no filters to show")
    shown = weights[:limit]
    columns = min(_COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    figure = new_figure(max(columns * _CELL, 5.0), rows * _CELL + 0.35)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(shown) :]:
        axes.set_axis_off()
    for axes, weight in zip(grid, shown, strict=False):
        scaled = weight / max(float(np.abs(weight).max()), 1e-12)
        pixels = np.round(127.5 * (1 + scaled)).astype(np.uint8)
        show_image(axes, pixels.transpose(1, 2, 0))
    size = "{1} × {0}".format(*weights.shape[2:])
    number = f"{len(shown)} of {len(weights)}" if len(shown) < len(weights) else str(len(weights))
    heading = f"First layer, {layer}: {number} filters of {size} pixels"
    figure.suptitle(heading, fontsize=TITLE, color=INK, x=0.01, ha="left")
    return figure
