from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from graft.datasets.one_commit import of_one_commit
from graft.storage import committed


def save(folder: Path, text: str) -> None:
    with committed(folder) as partial:
        (partial / "a").write_text(text)
        (partial / "b").write_text(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path / "folder", "old")
    return tmp_path / "folder"


def test_files_that_are_replaced_while_they_are_read_are_read_again(folder: Path) -> None:
    replacing: Iterator[str] = iter(["new", "newest"])

    def read() -> tuple[str, str]:
        first = (folder / "a").read_text()
        if (text := next(replacing, None)) is not None:
            save(folder, text)
        return first, (folder / "b").read_text()

    assert of_one_commit(folder, read) == ("newest", "newest")


def test_an_error_over_half_replaced_files_is_not_raised(folder: Path) -> None:
    def read() -> str:
        if (text := (folder / "a").read_text()) == "old":
            save(folder, "new")
            raise ValueError("the two do not fit")
        return text

    assert of_one_commit(folder, read) == "new"


def test_an_error_of_its_own_is_raised(folder: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        of_one_commit(folder, lambda: 1 / 0)
