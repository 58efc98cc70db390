"""The file beside stored pixels that says which classes there are, and from which source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graft.images.listing import ImageListing
    from graft.images.store import ImageStore

CLASSES = "classes.json"


def classes_content(source: str, described: ImageListing | ImageStore) -> bytes:
    """The file's content: the source's name, the classes, and whether an image may show several."""
    classes = {
        "source": source,
        "class_names": list(described.class_names),
        "multi_label": described.multi_label,
    }
    return json.dumps(classes, indent=2).encode() + b"\n"


def read_classes(folder: Path) -> dict[str, Any]:
    """`source` (str), `class_names` (tuple of str) and `multi_label` (bool)."""
    classes = json.loads((folder / CLASSES).read_text())
    return {**classes, "class_names": tuple(classes["class_names"])}
