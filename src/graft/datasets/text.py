"""Text on disk."""

from __future__ import annotations

from pathlib import Path

from graft.datasets.committed import CommittedDataset


class TextDataset(CommittedDataset[str, str]):
    """A text in UTF-8, such as a model card in Markdown.

    model_card:
      type: graft.datasets.TextDataset
      filepath: data/06_models/digits/backbone.md
      versioned: true
    """

    def write(self, path: Path, data: str) -> None:
        path.write_text(data, encoding="utf-8")

    def read(self, path: Path) -> str:
        return path.read_text(encoding="utf-8")
