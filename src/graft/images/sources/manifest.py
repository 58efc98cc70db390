"""A table of one's own, CSV or Parquet: a row for each image with its path, label and part."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from graft.errors import GraftError
from graft.images.file_tree import file_state, read_file
from graft.images.listing import ImageListing
from graft.images.sources.folder import PART_NAMES
from graft.images.sources.spec import SourceOption, SourceSpec
from graft.images.sources.table_labels import Labels, read_labels
from graft.images.sources.tables import TextTable, read_table

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

# Usual names of columns, the surest first; capitals, spaces and hyphens do not matter.
PATH_COLUMNS = (
    "path", "file_path", "filepath", "image_path", "file", "file_name", "filename", "image_file",
    "image_name", "image", "img", "image_id", "image_index", "id_code", "id",
)  # fmt: skip
SPLIT_COLUMNS = ("split", "part", "subset")


def list_images(
    folder: Path | None,
    download_folder: Path,
    *,
    path: str | None = None,
    label: str | Sequence[str] | None = None,
    separator: str | None = None,
    split: str | None = None,
    root: str | None = None,
    extension: str = "",
) -> ImageListing:
    """List the images that a table names; `download_folder` is not used.

    An image's id is its path below the root. An image that is not there is listed nevertheless:
    reading it fails, so that it is quarantined, with its reason.

    Args:
        folder: The table, CSV or Parquet (see `read_table`).
        path: The column of the paths; None: the first of `PATH_COLUMNS` that there is.
        label: The column or the columns of the labels, see `read_labels`.
        separator: What stands between the labels of one image; None: it has one label.
        split: The column of the parts (train, val, test …); None: the first of `SPLIT_COLUMNS`,
            if there is one.
        root: The folder below which the paths lie, itself below the table's folder unless it is
            absolute; None: the table's folder.
        extension: What is appended to paths that do not end in it, such as ".jpg".

    Raises:
        GraftError: There is no such table, column or folder; a path is empty, twice there or
            outside of the root; a label is missing or a part unknown; no image is there at all.
    """
    if folder is None:
        raise GraftError("source.folder: the source 'manifest' needs the CSV or Parquet file.")
    table = read_table(folder)
    path_column = _find_paths(table) if path is None else table.require(path, "path")
    split_column = table.find(SPLIT_COLUMNS) if split is None else table.require(split, "split")
    base = folder.parent / Path(root or "").expanduser()
    if not base.is_dir():
        raise GraftError(f"source.options.root: '{base}' is no folder.")

    ids = _read_paths(table, path_column, base, extension)
    labels = read_labels(table, label, separator, {path_column, split_column})
    states = [file_state(f"{base}/{image}") for image in ids]
    _check_presence(base, ids, states)
    records = _make_records(ids, labels, _read_parts(table, split_column), states)
    return ImageListing(
        "manifest",
        records,
        labels.class_names,
        lambda image: read_file(base / image),
        multi_label=labels.ignored is not None,
    )


def _make_records(
    ids: list[str], labels: Labels, parts: list[str] | None, states: list[str]
) -> pd.DataFrame:
    import pandas as pd

    records = pd.DataFrame({"id": ids, "label": labels.label, "split": parts, "state": states})
    return records if labels.ignored is None else records.assign(ignored=labels.ignored)


def _find_paths(table: TextTable) -> str:
    column = table.find(PATH_COLUMNS)
    if column is None:
        raise GraftError(
            f"'{table.path}' has none of the usual columns for paths. Set source.options.path to "
            f"one of {', '.join(table.names)}."
        )
    return column


def _read_paths(table: TextTable, column: str, base: Path, extension: str) -> list[str]:
    """Paths below `base`, each once."""
    if extension and not extension.startswith("."):
        extension = f".{extension}"
    first_at: dict[str, int] = {}
    for index, cell in enumerate(table.column(column)):
        if not cell:
            raise table.refuse(index, f"the column '{column}' is empty.")
        image = _inside(cell.replace("\\", "/"), base)
        if image is None:
            raise table.refuse(
                index,
                f"'{cell}' leads out of '{base}'. Set source.options.root to a folder that holds "
                "all of the images.",
            )
        if not image.lower().endswith(extension.lower()):
            image += extension
        if image in first_at:
            raise table.refuse(
                index, f"'{image}' is listed already in {table.place(first_at[image])}."
            )
        first_at[image] = index
    return list(first_at)


def _inside(path: str, base: Path) -> str | None:
    """The path relative to `base`, or None where it leads elsewhere."""
    pure = PurePosixPath(path)
    if pure.is_absolute():
        above = next((top for top in (base, base.resolve()) if pure.is_relative_to(top)), None)
        if above is None:
            return None
        pure = pure.relative_to(above)
    if ".." in pure.parts or "\0" in path or not pure.parts:
        return None
    return str(pure)


def _check_presence(base: Path, ids: list[str], states: list[str]) -> None:
    missing = [image for image, state in zip(ids, states, strict=True) if not state]
    if len(missing) == len(ids):
        raise GraftError(
            f"None of the {len(ids)} images is there, '{base / ids[0]}' for one. "
            + _suggest(base / ids[0])
        )
    if missing:
        logger.warning(
            "%d of %d images are not there and will be quarantined, '%s' for one.",
            len(missing),
            len(ids),
            base / missing[0],
        )


def _suggest(path: Path) -> str:
    """What would mend the path: its extension, if there is a file with one, else its root."""
    beside = path.parent.iterdir() if path.parent.is_dir() else iter(())
    extension = next((other.suffix for other in beside if other.stem == path.name), None)
    if extension:
        return f"Set source.options.extension to '{extension}'."
    return "Set source.options.root to the folder that the paths start from."


def _read_parts(table: TextTable, column: str | None) -> list[str] | None:
    if column is None:
        return None
    parts = table.column(column)
    for index, cell in enumerate(parts):
        if cell.lower() not in PART_NAMES:
            raise table.refuse(
                index,
                f"'{cell}' in the column '{column}' is no part; parts are {', '.join(PART_NAMES)}.",
            )
    return [PART_NAMES[cell.lower()] for cell in parts]


SPEC = SourceSpec(
    name="manifest",
    title="A table of images with their labels, CSV or Parquet",
    list_images=list_images,
    needs_folder=True,
    options=(
        SourceOption("path", "the column of the paths"),
        SourceOption(
            "label",
            "the column of the labels; or a list of columns, or '*' for all that are left, that "
            "are a class each and hold 1, 0 or -1 (not known)",
            may_be_list=True,
        ),
        SourceOption("separator", "what stands between several labels of one image, such as '|'"),
        SourceOption("split", "the column of the parts: train, val, test"),
        SourceOption("root", "the folder that the paths start from; by default the table's own"),
        SourceOption("extension", "what the paths lack at their end, such as '.jpg'"),
    ),
)
