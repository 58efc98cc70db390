"""A folder (or zip) of images with one folder per class, with or without given parts.

Two layouts, told apart by their folders' names:

    flowers/rose/1.jpg                    no parts given: Graft splits
    flowers/train/rose/1.jpg              parts given: train, and test or val or both

A part that is given stays as it is. A part that is not given is drawn from `train`: validation
(`val`, `valid`) is what a run chooses its best epoch by, so a `val` folder is never used as the
test set. Where a data set calls its test images `val`, rename that folder to `test`.
"""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from graft.errors import GraftError
from graft.images.file_tree import FileTree, scan_tree
from graft.images.listing import ImageListing
from graft.images.sources.spec import SourceSpec

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

PART_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}


class Arrangement(NamedTuple):
    """Which folder is what.

    Attributes:
        base: The folder that holds the classes, or the parts that hold the classes.
        parts: From a folder's name in `base` to its part; empty where these are the classes.
        classes: From part to the names of its class folders; the part is None without parts.
    """

    base: str
    parts: dict[str, str]
    classes: dict[str | None, list[str]]


def list_images(folder: Path | None, download_folder: Path) -> ImageListing:
    """List a class folder or a zip of one; `download_folder` is not used.

    An image's id is its path below the folder that holds the classes or parts, so that a folder
    and a zip of it give the same ids. An image outside of every class folder is passed over with
    a warning.

    Raises:
        GraftError: No folder is given or it does not exist; there are no images, fewer than two
            classes, or a class without images; parts and classes lie side by side; a part has
            other classes than `train`.
    """
    if folder is None:
        raise GraftError("source.folder: the source 'folder' needs the folder of the images.")
    tree = scan_tree(folder)
    arrangement = _arrange(tree)
    records = _make_records(tree, arrangement)
    _check_classes(tree, arrangement, records)
    class_names = tuple(sorted(set(records["label"])))
    prefix = _join(arrangement.base, "")
    records["state"] = [tree.state(prefix + image) for image in records["id"]]
    return ImageListing("folder", records, class_names, lambda image: tree.read(prefix + image))


def _arrange(tree: FileTree) -> Arrangement:
    base = _skip_wrappers(tree)
    parts = _find_parts(tree, base)
    if not parts:
        return Arrangement(base, {}, {None: tree.subfolders(base)})
    classes: dict[str | None, list[str]] = {
        part: tree.subfolders(_join(base, name)) for name, part in parts.items()
    }
    return Arrangement(base, parts, classes)


def _skip_wrappers(tree: FileTree) -> str:
    """The folder that matters: archives often wrap everything in one or two outer folders."""
    base = ""
    while not tree.loose_files(base):
        names = tree.subfolders(base)
        if len(names) != 1 or names[0].lower() in PART_NAMES:
            break
        only = _join(base, names[0])
        if tree.loose_files(only) or not tree.subfolders(only):
            break
        base = only
    return base


def _find_parts(tree: FileTree, base: str) -> dict[str, str]:
    """Folders named like a part; one without folders inside may be a class ("train", "test").

    Where every folder is named like a part they are parts: `train` and `test` as two classes would
    be a classifier that nobody wants.
    """
    names = tree.subfolders(base)
    all_named_so = all(name.lower() in PART_NAMES for name in names)
    parts = {
        name: PART_NAMES[name.lower()]
        for name in names
        if name.lower() in PART_NAMES and (all_named_so or tree.subfolders(_join(base, name)))
    }
    found = ", ".join(f"'{name}'" for name in parts)
    if len(set(parts.values())) < len(parts):
        raise GraftError(f"'{tree.root}': of {found}, two mean the same part. Keep one of them.")
    if parts and "train" not in parts.values():
        raise GraftError(
            f"'{tree.root}' has {found} but no 'train'. Add it, or put the class folders side by "
            "side and let Graft split."
        )
    return parts


def _make_records(tree: FileTree, arrangement: Arrangement) -> pd.DataFrame:
    import pandas as pd

    start = len(_join(arrangement.base, ""))
    rows: list[tuple[str, str, str | None]] = []
    strays: list[str] = []
    for path in tree.files:
        image = path[start:]
        match image.split("/"):
            case [name, label, _, *_] if name in arrangement.parts:
                rows.append((image, label, arrangement.parts[name]))
            case [label, _, *_] if not arrangement.parts:
                rows.append((image, label, None))
            case [name, _, *_] if name not in arrangement.parts:
                raise GraftError(
                    f"'{tree.root}': the images in '{name}' lie beside the parts "
                    f"{', '.join(arrangement.parts)}. Move them into the parts, or elsewhere."
                )
            case _:
                strays.append(path)
    if strays:
        logger.warning(
            "%d images under '%s' lie in no class folder and are passed over, '%s' for one.",
            len(strays),
            tree.root,
            strays[0],
        )
    return pd.DataFrame(rows, columns=["id", "label", "split"], dtype=object)


def _check_classes(tree: FileTree, arrangement: Arrangement, records: pd.DataFrame) -> None:
    counts = Counter(zip(records["split"], records["label"], strict=True))
    for part, labels in arrangement.classes.items():
        empty = [label for label in labels if not counts[part, label]]
        if empty:
            raise GraftError(
                f"'{tree.root}': the class folder '{_name_folder(arrangement, part, empty[0])}' "
                "holds no image file. Add images or remove the folder."
            )
    expected = set(arrangement.classes["train" if arrangement.parts else None])
    if len(expected) < 2:
        found = f"only the class '{min(expected)}'" if expected else "no class folder"
        raise GraftError(
            f"'{tree.root}' holds {found}. A classifier needs at least two: put the images of "
            "each class into a folder of its own."
        )
    for part, labels in arrangement.classes.items():
        for label in sorted(set(labels) ^ expected):
            here, there = (part, "train") if label in labels else ("train", part)
            raise GraftError(
                f"'{tree.root}': the class '{label}' is in the {here} part but not in the "
                f"{there} part. Every part needs the same classes."
            )


def _name_folder(arrangement: Arrangement, part: str | None, label: str) -> str:
    names = {value: name for name, value in arrangement.parts.items()}
    inside = arrangement.base if part is None else _join(arrangement.base, names[part])
    return _join(inside, label)


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


SPEC = SourceSpec(
    name="folder",
    title="A folder or zip archive of images, one folder per class",
    list_images=list_images,
    needs_folder=True,
)
