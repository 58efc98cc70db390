"""Tables that users write, CSV or Parquet, as columns of text; nothing is guessed about types.

"NA" and "007" are class names like any other, so that every cell stays as it was written. In
Parquet, where cells have types, a missing cell is "" and the number 7 is "7".
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graft.errors import GraftError

if TYPE_CHECKING:
    import pandas as pd

PARQUET = (".parquet", ".pq")
DELIMITERS = ",;\t"


@dataclass(frozen=True, eq=False)
class TextTable:
    """A table of text.

    Attributes:
        path: The file.
        names: The columns' names; columns without one are left out.
        numbers: For each row its number, as `unit` counts.
        unit: "line" of a CSV file, "row" of a Parquet file.
        column: From a column's name to its cells, without spaces around them.
    """

    path: Path
    names: tuple[str, ...]
    numbers: Sequence[int]
    unit: str
    column: Callable[[str], list[str]]

    def find(self, usual: Sequence[str]) -> str | None:
        """The first of the usual names that a column has, whatever its capitals and spaces."""
        known = {name.lower().replace(" ", "_").replace("-", "_"): name for name in self.names}
        return next((known[name] for name in usual if name in known), None)

    def require(self, name: str, option: str) -> str:
        """The name of a column that an option gives.

        Raises:
            GraftError: There is no such column.
        """
        if name not in self.names:
            raise GraftError(
                f"source.options.{option}: '{self.path}' has no column '{name}'; its columns are "
                f"{', '.join(self.names)}."
            )
        return name

    def place(self, index: int) -> str:
        """Where the row of that index (from 0) stands: "line 7" counts the header, "row 6" not."""
        return f"{self.unit} {self.numbers[index]}"

    def refuse(self, index: int, reason: str) -> GraftError:
        """An error about a row."""
        return GraftError(f"'{self.path}', {self.place(index)}: {reason}")


def read_table(path: Path) -> TextTable:
    """Read a table; the file's name tells Parquet (.parquet, .pq), anything else is CSV.

    CSV is UTF-8 with or without a byte order mark, with a header line; commas, semicolons or tabs
    stand between cells, whichever the header has most of. Empty lines are passed over.

    Raises:
        GraftError: The file is not there or damaged, has no rows, two columns of the same name or
            a row of another length than the header's; or it is Parquet and pyarrow is missing.
    """
    if not path.is_file():
        what = "is a folder, not a table" if path.is_dir() else "does not exist"
        raise GraftError(f"'{path}' {what}. Set source.folder to the CSV or Parquet file.")
    table = _read_parquet(path) if path.suffix.lower() in PARQUET else _read_csv(path)
    twice = [name for name in table.names if table.names.count(name) > 1]
    if twice:
        raise GraftError(f"'{path}' has two columns '{twice[0]}'. Rename one of them.")
    if not table.numbers:
        raise GraftError(f"'{path}' has no rows.")
    return table


def _read_csv(path: Path) -> TextTable:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise GraftError(
            f"'{path}' cannot be read: {error}. It has to be CSV in UTF-8, or Parquet."
        ) from error
    head = text.lstrip("\n").partition("\n")[0]
    lines = csv.reader(io.StringIO(text), delimiter=max(DELIMITERS, key=head.count), strict=True)
    rows: list[list[str]] = []
    numbers: list[int] = []
    try:
        for row in lines:
            cells = [cell.strip() for cell in row]
            if rows and any(cells) and len(cells) != len(rows[0]):
                raise GraftError(
                    f"'{path}', line {lines.line_num}: {len(cells)} cells, but the header has "
                    f"{len(rows[0])}. A cell that holds a comma needs quotes."
                )
            if any(cells):
                rows.append(cells)
                numbers.append(lines.line_num)
    except csv.Error as error:
        raise GraftError(f"'{path}', line {lines.line_num}: {error}.") from error
    columns = dict(zip(rows[0], zip(*rows[1:], strict=True), strict=False)) if rows[1:] else {}
    names = tuple(name for name in rows[0] if name) if rows else ()
    return TextTable(path, names, numbers[1:], "line", lambda name: list(columns[name]))


def _read_parquet(path: Path) -> TextTable:
    import pandas as pd

    try:
        frame = pd.read_parquet(path, dtype_backend="numpy_nullable")
    except ImportError as error:
        raise GraftError(
            f"'{path}': to read Parquet, install pyarrow, or save the table as CSV."
        ) from error
    except Exception as error:  # pyarrow raises nearly everything on damaged files
        raise GraftError(f"'{path}' cannot be read as Parquet: {error}.") from error
    if any(frame.index.names):  # such as the one by which pandas' users look up rows
        frame = frame.reset_index()
    frame.columns = frame.columns.map(str)
    numbers = range(1, len(frame) + 1)
    return TextTable(
        path, tuple(frame.columns), numbers, "row", lambda name: _as_text(path, frame[name])
    )


def _as_text(path: Path, column: pd.Series) -> list[str]:
    import pandas as pd

    cells: list[str] = []
    for number, cell in enumerate(column.astype(object), start=1):
        if pd.api.types.is_scalar(cell) and pd.isna(cell):
            cells.append("")
        elif isinstance(cell, float) and cell.is_integer():
            cells.append(str(int(cell)))  # pandas writes whole numbers so if any of them is missing
        elif isinstance(cell, str | int | float):
            cells.append(str(cell).strip())
        else:
            raise GraftError(
                f"'{path}', row {number}: the column '{column.name}' holds no text and no number, "
                f"but {type(cell).__name__}."
            )
    return cells
