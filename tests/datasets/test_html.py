from __future__ import annotations

from pathlib import Path

from graft.datasets import HTMLDataset

PAGE = "<!doctype html>\n<title>Ziffern — 数字</title>\n  <pre id='_'>a_1\nb*</pre>\n"


def test_a_page_comes_back(tmp_path: Path) -> None:
    dataset = HTMLDataset(filepath=str(tmp_path / "report.html"))
    dataset.save(PAGE)
    assert dataset.load() == PAGE


def test_the_preview_is_one_that_markdown_leaves_alone(tmp_path: Path) -> None:
    dataset = HTMLDataset(filepath=str(tmp_path / "report.html"))
    dataset.save(PAGE)
    wanted = "<!doctype html><title>Ziffern — 数字</title><pre id='_'>a&#95;1\nb&#42;</pre>\n"
    assert dataset.preview() == wanted
    assert HTMLDataset.preview.__annotations__["return"] == "HTMLPreview"  # Kedro-Viz reads this
