from __future__ import annotations

import io
from pathlib import Path

import matplotlib as mpl
import pytest
from PIL import Image

from graft.datasets import FigureDataset

mpl.use("Agg")


@pytest.mark.parametrize("dpi", [120, 60])
def test_a_figure_is_saved_as_png_and_closed(tmp_path: Path, dpi: int) -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(2, 1), layout="constrained")
    axes.plot([1, 2, 3])
    dataset = FigureDataset(filepath=str(tmp_path / "curve.png"), dpi=dpi)
    dataset.save(figure)
    assert not plt.fignum_exists(figure.number)
    picture = Image.open(io.BytesIO(dataset.load()))
    assert picture.format == "PNG"
    assert picture.info["dpi"] == pytest.approx((dpi, dpi), abs=0.1)


def test_a_figure_made_without_pyplot_is_saved_too(tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    dataset = FigureDataset(filepath=str(tmp_path / "curve.png"))
    dataset.save(Figure())
    assert dataset.load().startswith(b"\x89PNG")
