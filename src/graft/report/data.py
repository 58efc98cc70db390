"""The data card as a section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graft.report.page import Block, Facts, Note, Picture, Section, Table

if TYPE_CHECKING:
    import pandas as pd


def data_section(
    card: Mapping[str, Any], quarantine: pd.DataFrame, shown: Sequence[Picture]
) -> Section:
    """Counts, sizes, duplicates and unusable files, and the images of each class."""
    height, width = card["image_size"]
    original = card["original_size"]
    duplicates = card.get("duplicates", {})
    pairs = [
        ("source", card["source"]),
        ("task", card["task"]),
        ("images", f"{card['images']:,}"),
        ("classes", f"{len(card['classes']):,}"),
        *((part, f"{number:,} images") for part, number in card["splits"].items() if number),
        ("as stored", f"{width} × {height} pixels"),
        ("originally, median", "{:g} × {:g} pixels".format(
            *(original[side]["median"] for side in ("width", "height"))
        )),
        ("files that could not be used", f"{len(quarantine):,}"),
        ("digest", card["data"]),
    ]  # fmt: skip
    if (ratio := card["imbalance_ratio"]) is not None:
        pairs.append(("largest class over smallest", f"{ratio:.2f}"))
    if duplicates:
        pairs.append(("pairs of duplicates", f"{duplicates['pairs']:,}"))
    blocks: list[Block] = [Facts(pairs)]
    if seen := duplicates.get("test_images_seen_in_training"):
        blocks.append(
            Note(f"{seen:,} test images have a duplicate or near-duplicate among those trained on.")
        )
    blocks.append(_classes(card))
    if len(quarantine):
        blocks.append(_unusable(quarantine))
    return Section("Data", [*blocks, *shown])


def _classes(card: Mapping[str, Any]) -> Table:
    parts = [part for part, number in card["splits"].items() if number]
    rows = [
        [name, *(f"{card['images_per_class'][part][name]:,}" for part in parts)]
        for name in card["classes"]
    ]
    return Table(["class", *parts], rows, "Images of each class.", folded=len(rows) > 20)


def _unusable(quarantine: pd.DataFrame) -> Table:
    rows = [[str(value) for value in row] for row in quarantine.itertuples(index=False)]
    caption = f"Files that could not be used: {len(rows):,}."
    return Table([str(column) for column in quarantine.columns], rows, caption, folded=True)
