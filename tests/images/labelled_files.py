"""Small collections whose labels lie beside the images: a VOC tree, and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from graft.images.sources.voc2007 import LISTS

from .image_files import encode, make_pixels

# For each part its images' objects; "?" marks the difficult ones.
VOC_PARTS: Mapping[str, Sequence[str]] = {
    "train": ["dog person", "dog", "person person?", "cat dog? person", "cat chair?", "cat?"],
    "validation": ["dog cat?", "person", "cat person"],
    "test": ["dog", "cat chair?", "person dog", "person? cat"],
}

OBJECT = """\
  <object>
    <name>{name}</name>
    <pose>Left</pose>
    <truncated>0</truncated>
    <difficult>{difficult}</difficult>
    <bndbox><xmin>3</xmin><ymin>3</ymin><xmax>20</xmax><ymax>20</ymax></bndbox>
    <part><name>head</name><bndbox><xmin>4</xmin></bndbox></part>
  </object>
"""


def write_voc(devkit: Path, parts: Mapping[str, Sequence[str]] = VOC_PARTS, first: int = 1) -> Path:
    """Write `devkit/VOC2007` with an image for each entry, numbered from `first`; return it."""
    root = devkit / "VOC2007"
    for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    number = first
    for part, images in parts.items():
        names = [f"{number + offset:06d}" for offset in range(len(images))]
        (root / "ImageSets" / "Main" / f"{LISTS[part]}.txt").write_text("\n".join([*names, ""]))
        for name, objects in zip(names, images, strict=True):
            (root / "Annotations" / f"{name}.xml").write_text(annotation(objects))
            (root / "JPEGImages" / f"{name}.jpg").write_bytes(
                encode(make_pixels(int(name)), "JPEG")
            )
        number += len(images)
    return root


def annotation(objects: str) -> str:
    """The XML of an image's objects, written as in `VOC_PARTS`."""
    items = [
        OBJECT.format(name=item.removesuffix("?"), difficult=int(item.endswith("?")))
        for item in objects.split()
    ]
    return f"<annotation>\n  <folder>VOC2007</folder>\n{''.join(items)}</annotation>\n"


def write_manifest(
    table: Path, rows: Sequence[Mapping[str, Any]], *, column: str = "path", extension: str = ""
) -> Path:
    """Write a table, CSV or Parquet by its name, and an image below its folder for each row.

    Args:
        table: The file.
        rows: For each image its cells.
        column: Which of them is the path.
        extension: What the paths lack.
    """
    table.parent.mkdir(parents=True, exist_ok=True)
    for number, row in enumerate(rows):
        image = table.parent / f"{row[column]}{extension}"
        image.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes(encode(make_pixels(number)))
    frame = pd.DataFrame(rows)
    if table.suffix == ".parquet":
        frame.to_parquet(table)
    else:
        frame.to_csv(table, index=False)
    return table
