"""The labels in a user's table, in one of three forms.

path,label          one class an image
path,labels         several, as in "dog|person", with a separator
path,dog,person     a column for each class, of 1 (the image shows it), 0 (it does not) and -1
                    (not known: neither counts)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from graft.classes import LABEL_SEPARATOR, join_labels
from graft.errors import GraftError
from graft.images.sources.tables import TextTable

# Usual names of columns, the surest first.
LABEL_COLUMNS = (
    "label", "labels", "class", "class_name", "classes", "category", "categories", "target",
    "targets", "tags", "finding_labels",
)  # fmt: skip
OTHER_COLUMNS = "*"

# How a cell of a column that is a class may be written, after "1.0" has become "1".
PRESENT, ABSENT, NOT_KNOWN = {"1", "true"}, {"0", "false"}, {"-1"}


class Labels(NamedTuple):
    """The labels of all rows, as a listing wants them.

    Attributes:
        label: For each row its class, or its classes as `join_labels` writes them.
        ignored: For each row the classes that do not count; None of a single-label table.
        class_names: The classes.
    """

    label: list[str]
    ignored: list[str] | None
    class_names: tuple[str, ...]


def read_labels(
    table: TextTable,
    label: str | Sequence[str] | None,
    separator: str | None,
    taken: Collection[str | None],
) -> Labels:
    """Read the labels of all rows.

    Args:
        table: The table.
        label: The column of the labels; None: the first of `LABEL_COLUMNS` that there is. A list
            of columns, or "*" for all that are not taken: each is a class.
        separator: What stands between the labels of one image; None: it has one label.
        taken: Columns that are something else.

    Raises:
        GraftError: There is no such column, a cell is not what it has to be, or a class name of
            several labels holds "|".
    """
    if label == OTHER_COLUMNS:
        label = [name for name in table.names if name not in taken]
    if label is not None and not isinstance(label, str):
        if separator is not None:
            raise GraftError("source.options.separator is for labels in a single column.")
        columns = [table.require(name, "label") for name in label]
        if len(set(columns)) < len(columns):
            raise GraftError("source.options.label names a column twice.")
        return _read_class_columns(table, columns)
    column = table.find(LABEL_COLUMNS) if label is None else table.require(label, "label")
    if column is None:
        raise GraftError(
            f"'{table.path}' has none of the usual columns for labels. Set source.options.label to "
            f"one of {', '.join(table.names)}; or, if its columns are classes of 1 and 0, to a "
            f"list of them, or to '{OTHER_COLUMNS}' for all but path and split."
        )
    cells = table.column(column)
    return _read_single(table, cells) if separator is None else _split(table, cells, separator)


def _read_single(table: TextTable, cells: list[str]) -> Labels:
    for index, cell in enumerate(cells):
        if not cell:
            raise table.refuse(index, "no label. Add one, or remove the row.")
        if LABEL_SEPARATOR in cell:
            raise table.refuse(
                index,
                f"the label '{cell}'. If these are several, set source.options.separator to "
                f"'{LABEL_SEPARATOR}'; a class name cannot hold it.",
            )
    return Labels(cells, None, _in_order(set(cells)))


def _split(table: TextTable, cells: list[str], separator: str) -> Labels:
    rows = [{name.strip() for name in cell.split(separator)} - {""} for cell in cells]
    for index, names in enumerate(rows):
        if any(LABEL_SEPARATOR in name for name in names):
            raise table.refuse(
                index, f"'{cells[index]}': a class name cannot hold '{LABEL_SEPARATOR}'."
            )
    _require_any(table, rows)
    class_names = _in_order(set().union(*rows))
    labels = [join_labels(name for name in class_names if name in names) for names in rows]
    return Labels(labels, [""] * len(labels), class_names)


def _read_class_columns(table: TextTable, columns: Sequence[str]) -> Labels:
    """A class for each column, in the columns' order."""
    present: list[list[str]] = [[] for _ in table.numbers]
    ignored: list[list[str]] = [[] for _ in table.numbers]
    for column in columns:
        if LABEL_SEPARATOR in column:
            raise GraftError(
                f"'{table.path}': the column '{column}' cannot be a class, because its name holds "
                f"'{LABEL_SEPARATOR}'."
            )
        for index, cell in enumerate(table.column(column)):
            value = cell.lower().removesuffix(".0")
            if value in PRESENT:
                present[index].append(column)
            elif value in NOT_KNOWN:
                ignored[index].append(column)
            elif value not in ABSENT:
                raise table.refuse(
                    index,
                    f"'{cell}' in the column '{column}'; there must be 1 (the image shows it), 0 "
                    "(it does not) or -1 (not known).",
                )
    _require_any(table, present)
    return Labels([*map(join_labels, present)], [*map(join_labels, ignored)], tuple(columns))


def _require_any(table: TextTable, rows: Iterable[Collection[str]]) -> None:
    if not any(rows):
        raise GraftError(f"'{table.path}': no image has a label.")


def _in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Numbers by their size, names by the alphabet."""
    names = sorted(names)
    if all(name.isdecimal() for name in names):
        names.sort(key=int)
    return tuple(names)
