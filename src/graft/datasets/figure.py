"""Figures on disk."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import Version

from graft.datasets.committed import CommittedDataset

if TYPE_CHECKING:
    from kedro_datasets._typing import ImagePreview
    from matplotlib.figure import Figure


class FigureDataset(CommittedDataset["Figure", bytes]):
    """A matplotlib figure as PNG. Saving closes it; loading gives the PNG's bytes.

    confusion_matrix:
      type: graft.datasets.FigureDataset
      filepath: data/08_reporting/digits/confusion_matrix.png
      versioned: true
    """

    def __init__(
        self,
        *,
        filepath: str,
        dpi: int = 120,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """
        Args:
            filepath: A path on this machine.
            dpi: Pixels per inch.
            version: Kedro's, where the entry says `versioned: true`.
            metadata: For the tracking hook and Kedro-Viz.
        """
        super().__init__(filepath=filepath, version=version, metadata=metadata)
        self._dpi = dpi

    def write(self, path: Path, data: Figure) -> None:
        import matplotlib.pyplot as plt

        png = io.BytesIO()
        data.savefig(png, format="png", dpi=self._dpi, bbox_inches="tight")
        path.write_bytes(png.getvalue())
        # pyplot keeps every figure that it made until it is told otherwise.
        plt.close(data)

    def read(self, path: Path) -> bytes:
        return path.read_bytes()

    def preview(self) -> ImagePreview:
        """The figure, base64."""
        return base64.b64encode(self.filepath.read_bytes()).decode()
