"""Users' tables as text, cell by cell."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from graft.errors import GraftError
from graft.images.sources.tables import TextTable, read_table


def table_of(tmp_path: Path, text: str | bytes) -> TextTable:
    content = text if isinstance(text, bytes) else text.encode()
    (tmp_path / "t.csv").write_bytes(content)
    return read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_csv_comes_with_several_delimiters_and_ends(
    tmp_path: Path, delimiter: str, end: str, mark: bytes
) -> None:
    text = f"path,name{end}a.png,Löwe{end}b.png,7{end}".replace(",", delimiter)
    table = table_of(tmp_path, mark + text.encode())
    assert table.names == ("path", "name")
    assert table.column("path") == ["a.png", "b.png"]
    assert table.column("name") == ["Löwe", "7"]


def test_cells_stay_text_without_spaces_around_it(tmp_path: Path) -> None:
    table = table_of(tmp_path, 'a,b\n NA, 007\nnull,1.0\n"x, y",nan\n')
    assert table.column("a") == ["NA", "null", "x, y"]
    assert table.column("b") == ["007", "1.0", "nan"]


def test_empty_lines_before_the_header_do_not_hide_its_delimiter(tmp_path: Path) -> None:
    table = table_of(tmp_path, "\n\r\npath;name\na.png;7\n")
    assert table.names == ("path", "name")
    assert table.place(0) == "line 4"


def test_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    table = table_of(tmp_path, 'a,b\n\n1,"two\nlines"\n\n3,4\n\n')
    assert table.column("a") == ["1", "3"]
    assert [table.place(index) for index in (0, 1)] == ["line 4", "line 6"]


def test_columns_without_a_name_are_left_out(tmp_path: Path) -> None:
    """pandas writes its index so, and spreadsheets their empty columns."""
    table = table_of(tmp_path, ",path,label,,\n0,a.png,x,,\n")
    assert table.names == ("path", "label")
    assert table.column("label") == ["x"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1\n", r"line 2: 1 cells, but the header has 2"),
        ("a,b\n1,2\n\n1,2,3\n", r"line 4: 3 cells, but the header has 2.*needs quotes"),
        ('a,b\n1,"2\n3,4\n', r"line 3: unexpected end of data"),
        ("a,b,a\n1,2,3\n", "two columns 'a'"),
        ("a,b\n", "has no rows"),
        ("", "has no rows"),
        ("a,b\nLöwe,1\n".encode("latin-1"), "cannot be read: 'utf-8' codec.*CSV in UTF-8"),
    ],
)
def test_a_table_that_is_none_is_named(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(GraftError, match=rf"t\.csv.*{message}"):
        table_of(tmp_path, text)


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(GraftError, match=r"t\.csv' does not exist"):
        read_table(tmp_path / "t.csv")
    with pytest.raises(GraftError, match="is a folder, not a table"):
        read_table(tmp_path)


def test_parquet_becomes_text(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "path": ["a.png", " b.png"],
            "number": [7, 8],
            "gaps": [7.0, None],
            "share": [0.5, 1.5],
            "kind": pd.Categorical(["x", None]),
            "shown": [True, False],
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert table.names == tuple(frame.columns)
    assert table.column("path") == ["a.png", "b.png"]
    assert table.column("number") == ["7", "8"]
    assert table.column("gaps") == ["7", ""]
    assert table.column("share") == ["0.5", "1.5"]
    assert table.column("kind") == ["x", ""]
    assert table.column("shown") == ["True", "False"]
    assert table.place(0) == "row 1"


def test_the_index_of_a_parquet_file_is_a_column_if_it_has_a_name(tmp_path: Path) -> None:
    frame = pd.DataFrame({"path": ["a.png"], "label": ["x"]})
    frame.set_index("path").to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").column("path") == ["a.png"]
    frame.to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").names == ("path", "label")


def test_cells_of_other_types_are_refused_only_where_they_are_asked_for(tmp_path: Path) -> None:
    frame = pd.DataFrame({"path": ["a.png"], "label": [["cat", "dog"]], "image": [b"\x89PNG"]})
    frame.to_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert table.column("path") == ["a.png"]
    for name in ("label", "image"):
        with pytest.raises(GraftError, match=f"row 1: the column '{name}' holds no text"):
            table.column(name)


def test_a_damaged_parquet_file_is_named(tmp_path: Path) -> None:
    pd.DataFrame({"path": ["a.png"]}).to_parquet(tmp_path / "t.parquet")
    content = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(content[:-20])
    with pytest.raises(GraftError, match=r"t\.parquet' cannot be read as Parquet"):
        read_table(tmp_path / "t.parquet")


def test_without_pyarrow_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pd.DataFrame({"path": ["a.png"]}).to_parquet(tmp_path / "t.parquet")
    for name in [name for name in sys.modules if name.split(".")[0] == "pyarrow"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(GraftError, match=r"install pyarrow, or save the table as CSV"):
        read_table(tmp_path / "t.parquet")
