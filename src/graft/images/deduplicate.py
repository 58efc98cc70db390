"""What may be done about duplicates: drop all but one, or keep a group on one side of a split."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.classes import split_label
from graft.errors import GraftError
from graft.images.arrays import SelectedImages
from graft.images.duplicates import SIDES
from graft.images.listing import PARTS
from graft.images.split import SplitRecipe, assign_splits

if TYPE_CHECKING:
    import pandas as pd

    from graft.images.decode import DecodedImages


def drop_duplicates(
    decoded: DecodedImages, pairs: pd.DataFrame
) -> tuple[DecodedImages, pd.DataFrame]:
    """Keep one image of each group: a test image before a validation before a training image.

    Between images of the same part, or where the source gives no parts, the first id is kept.

    Args:
        decoded: The usable images.
        pairs: Their duplicates, as `find_duplicates` returns them.

    Returns:
        The images that are kept, and rows for the quarantine that name for each dropped image the
        one that stands for it.

    Raises:
        GraftError: A class would be left without images.
    """
    records = decoded.records
    given = dict(zip(records["id"], records["split"], strict=True))
    kept_for: dict[str, str] = {}
    for members in _groups(pairs):
        kept = min(members, key=lambda image: (_rank(given[image]), image))
        kept_for |= {image: kept for image in members if image != kept}

    dropped = records["id"].isin(kept_for.keys()).to_numpy(dtype=bool)
    labels = _classes(records, decoded.multi_label)
    if lost := sorted(labels - _classes(records[~dropped], decoded.multi_label)):
        raise GraftError(
            f"images.duplicates: drop leaves no image of the class '{lost[0]}': each has a "
            "duplicate in another class. See the table of duplicates and mend the labels."
        )
    same = set(zip(*(pairs.loc[pairs["kind"] == "exact", side] for side in SIDES), strict=True))
    quarantine = records.loc[dropped, ["id", "label", "sha256"]].reset_index(drop=True)
    reasons = []
    for image in quarantine["id"]:
        kept = kept_for[image]
        exact = (image, kept) in same or (kept, image) in same
        reasons.append(f"{'the same picture as' if exact else 'nearly a copy of'} '{kept}'")
    quarantine.insert(2, "reason", reasons)
    if not dropped.any():
        return decoded, quarantine
    images = SelectedImages(decoded.images, np.flatnonzero(~dropped))
    return (
        replace(decoded, images=images, records=records[~dropped].reset_index(drop=True)),
        quarantine,
    )


def assign_grouped_splits(
    records: pd.DataFrame,
    pairs: pd.DataFrame,
    recipe: SplitRecipe,
    seed: int,
    *,
    multi_label: bool = False,
) -> pd.Series:
    """As `assign_splits`, but no group of duplicates is on two sides.

    The first image of each group is drawn for it, and the others follow; shares are of the images
    that are drawn. All that `graft.images.split` promises holds for them as well:

    * Of a group with test (or else validation) images that the source gives, all others are
      "unused".
    * Where the training set is to be small, the others of a training image are "unused": a copy
      is not one more example.

    Args:
        records: Columns `id`, `label` and `split`, as for `assign_splits`.
        pairs: Their duplicates, as `find_duplicates` returns them.
        recipe: As for `assign_splits`.
        seed: As for `assign_splits`.
        multi_label: As for `assign_splits`.

    Raises:
        GraftError: As `assign_splits`; a group counts as one image of its first image's class.
    """
    given = dict(zip(records["id"], records["split"], strict=True))
    leader_of: dict[str, str] = {}
    unused: set[str] = set()
    for members in _groups(pairs):
        best = min(_rank(given[image]) for image in members)
        if best < _rank("train"):
            unused |= {image for image in members if _rank(given[image]) > best}
        else:
            leader = min(members)
            leader_of |= {image: leader for image in members if image != leader}

    drawn = records[~records["id"].isin(unused | leader_of.keys())]
    splits = assign_splits(drawn, recipe, seed, multi_label=multi_label)
    parts = dict(zip(drawn["id"], splits, strict=True))
    parts |= dict.fromkeys(unused, "unused")
    for image, leader in leader_of.items():
        parts[image] = "unused" if recipe.takes_few and parts[leader] == "train" else parts[leader]
    return records["id"].map(parts).rename("split")


def _classes(records: pd.DataFrame, multi_label: bool) -> set[str]:
    """Every class that an image shows."""
    labels = set(records["label"])
    return {name for label in labels for name in split_label(label)} if multi_label else labels


def _groups(pairs: pd.DataFrame) -> list[list[str]]:
    """The ids of each group."""
    return [sorted({*rows["id_a"], *rows["id_b"]}) for _, rows in pairs.groupby("group", sort=True)]


def _rank(part: Any) -> int:
    """0 for what must be kept first: "test", "validation", then all the rest."""
    return {"test": 0, "validation": 1}.get(part, len(PARTS) - 1)
