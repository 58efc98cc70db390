"""What the sources of published collections share: is this the collection, and all of it?

A figure can be set beside a published one only if the images are the same, so that a copy with
other classes or with images missing is refused. For such images there is the source `folder`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from graft.errors import GraftError
from graft.images.file_tree import scan_tree
from graft.images.listing import ImageListing

if TYPE_CHECKING:
    import pandas as pd

NAMES_SHOWN = 5


def find_root(folder: Path, inside: Sequence[str], needed: Sequence[str], layout: str) -> Path:
    """The folder that holds all of `needed`.

    Args:
        folder: What the user names.
        inside: Where below it the files may lie instead, as torchvision puts them.
        needed: Relative paths of files and folders.
        layout: What the folder has to be, for the message.

    Raises:
        GraftError: There is no such folder; the message names what is missing.
    """
    for root in (folder, *(folder / name for name in inside)):
        if all((root / path).exists() for path in needed):
            return root
    missing = ", ".join(path for path in needed if not (folder / path).exists())
    raise GraftError(f"'{folder}' lacks {missing}. source.folder has to be {layout}.")


def check_classes(listing: ImageListing, folder: Path, title: str, expected: Sequence[str]) -> None:
    """Refuse images of other classes.

    Raises:
        GraftError: The listing's classes are not the expected ones.
    """
    if set(listing.class_names) != set(expected):
        raise GraftError(
            f"'{folder}' is not {title}: its classes are {_some(listing.class_names)} instead of "
            f"{_some(expected)}. For other images use source.name: folder."
        )


def check_counts(
    records: pd.DataFrame, folder: Path, title: str, expected: Mapping[str, int]
) -> None:
    """Refuse lists that are torn or were shortened.

    Args:
        records: With the column `split`.
        folder: Where they come from, for the message.
        title: The collection's name.
        expected: How many images each part has, as published.

    Raises:
        GraftError: A part has another number of images.
    """
    found = Counter(records["split"])
    for part, count in expected.items():
        if found[part] != count:
            raise GraftError(
                f"'{folder}' is not {title}, or damaged: {found[part]} {part} images instead of "
                f"{count}. For other images use source.name: folder."
            )


def list_named_files(
    name: str,
    folders: Sequence[Path],
    rows: Iterable[tuple[str, ...]],
    class_names: tuple[str, ...],
    *,
    multi_label: bool = False,
) -> ImageListing:
    """A listing of the image files that a collection's own lists name.

    Args:
        name: The source's name.
        folders: Where the images lie; a collection may have come in several archives.
        rows: For each image its path below one of the folders, its label and its part, and if
            `multi_label` the classes that are not counted.
        class_names: The classes.
        multi_label: As in the listing.

    Raises:
        GraftError: An image is listed twice or is not there.
    """
    import pandas as pd

    columns = ["id", "label", "split", *(["ignored"] if multi_label else [])]
    records = pd.DataFrame(rows, columns=columns)
    places = ", ".join(f"'{folder}'" for folder in folders)
    twice = records.loc[records["id"].duplicated(), "id"]
    if len(twice):
        raise GraftError(f"The lists beside {places} name '{twice.iloc[0]}' twice: damaged.")
    tree_of = {path: tree for tree in map(scan_tree, folders) for path in tree.files}
    missing = sorted(set(records["id"]) - tree_of.keys())
    if missing:
        raise GraftError(
            f"{places}: {len(missing)} of {len(records)} images are missing, '{missing[0]}' for "
            "one. Unpack the original archive anew."
        )
    records["state"] = [tree_of[path].state(path) for path in records["id"]]
    return ImageListing(
        name, records, class_names, lambda path: tree_of[path].read(path), multi_label
    )


def read_lines(path: Path) -> list[str]:
    """The lines of a list that are neither empty nor comments.

    Raises:
        GraftError: The file is no text.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise GraftError(f"'{path}' cannot be read as a list: {error}.") from error
    return [line for line in lines if line and not line.startswith("#")]


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMES_SHOWN])
    return shown if len(names) <= NAMES_SHOWN else f"{shown}, … ({len(names)} in all)"
