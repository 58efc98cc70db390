from __future__ import annotations

from pathlib import Path

from graft.datasets import TextDataset


def test_a_text_comes_back(tmp_path: Path) -> None:
    dataset = TextDataset(filepath=str(tmp_path / "card.md"))
    dataset.save("# Ziffern — 数字\n\n| a | b |\n")
    assert dataset.load() == "# Ziffern — 数字\n\n| a | b |\n"
