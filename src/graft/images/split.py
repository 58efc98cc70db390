"""Stratified, seeded parts: train, validation, test, and what a smaller training set leaves.

Within a class the images stand in an order of their own, by a hash of the seed and the image's id.
The test images are taken from its front, the validation images after them, and the training images
from its end. Four properties follow without further care:

* The records' order does not matter, and an image that comes or goes moves hardly any other.
* The test part is the same whatever the validation share and the size of the training set.
* Few-shot sets are nested: with one seed, 10 shots contain the 5 shots.
* More images of one class do not change which shots are taken of another.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from graft.errors import GraftError
from graft.images.listing import PARTS
from graft.seeding import derive_seed

if TYPE_CHECKING:
    import pandas as pd


def assign_splits(
    records: pd.DataFrame,
    *,
    validation: float,
    test: float,
    shots: int | None,
    train_size: int | None,
    seed: int,
) -> pd.Series:
    """Give every image a part.

    Parts that the source gives (column `split`) stay as they are. A missing test or validation
    part is drawn from the images that are given as `train`, or from all where nothing is given.
    The sizes of the drawn parts are exact: the rounded share of the images, apportioned to the
    classes by largest remainder, and at least one image of each class.

    Args:
        records: Columns `id` (unique), `label` and `split` ("train", "validation", "test", None).
        validation: Share of the images that are not for testing, in [0, 1); 0 means none.
        test: Share of all images, in (0, 1); not used where the source gives a test part.
        shots: Training images of each class, or None for all.
        train_size: Training images of all classes together, stratified, or None for all.
        seed: Decides which images go where.

    Returns:
        "train", "validation", "test" or "unused" for each row, with the index of `records`.

    Raises:
        GraftError: A share is out of range, `shots` and `train_size` are both given, or a class
            has too few images for the parts or for the training set that is asked for.
    """
    import pandas as pd

    _check_parameters(validation, test, shots, train_size)
    given = set(records["split"].dropna())
    if given - set(PARTS):
        raise ValueError(f"Unknown parts {sorted(given - set(PARTS))}; known: {PARTS}.")

    parts = {
        image: part
        for image, part in zip(records["id"], records["split"], strict=True)
        if part in ("validation", "test")
    }
    pool = _order_by_class(records[~records["id"].isin(parts.keys())], seed)
    _check_same_classes(pool, set(records["label"]))

    if "test" not in given:
        # Room for validation and training is kept whether or not there will be a validation part:
        # the test part must not depend on it.
        most = {label: max(1, len(images) - 2) for label, images in pool.items()}
        parts |= _draw(pool, "test", test, most, spare=1 if validation == 0 else 2)
    if "validation" not in given and validation > 0:
        most = {label: len(images) - 1 for label, images in pool.items()}
        parts |= _draw(pool, "validation", validation, most, spare=1)

    for label, count in _training_counts(pool, shots, train_size).items():
        images = pool[label]
        parts |= dict.fromkeys(images[: len(images) - count], "unused")
        parts |= dict.fromkeys(images[len(images) - count :], "train")
    return pd.Series([parts[image] for image in records["id"]], index=records.index, name="split")


def apportion(
    sizes: Mapping[str, int], total: int, *, least: int, most: Mapping[str, int]
) -> dict[str, int]:
    """Divide `total` among the keys in proportion to their sizes, by largest remainder.

    Hare's quota with bounds: every key gets at least `least` and at most `most[key]`, and the sum
    is `total`, or the nearest sum that the bounds allow. Ties go to the key that sorts first.

    Args:
        sizes: Size of each key's stock, not all 0.
        total: What to divide.
        least: Lower bound for every key, not above any upper one.
        most: Upper bound for each key.
    """
    stock = sum(sizes.values())
    quotas = {key: total * size / stock for key, size in sizes.items()}
    counts = {key: min(max(math.floor(quotas[key]), least), most[key]) for key in sorted(sizes)}
    while sum(counts.values()) < total:
        open_keys = [key for key in counts if counts[key] < most[key]]
        if not open_keys:
            break
        counts[max(open_keys, key=lambda key: quotas[key] - counts[key])] += 1
    while sum(counts.values()) > total:
        open_keys = [key for key in counts if counts[key] > least]
        if not open_keys:
            break
        counts[min(open_keys, key=lambda key: quotas[key] - counts[key])] -= 1
    return counts


def _check_parameters(
    validation: float, test: float, shots: int | None, train_size: int | None
) -> None:
    if not 0 <= validation < 1:
        raise GraftError(f"split.validation: {validation} is not a share from 0 to below 1.")
    if not 0 < test < 1:
        raise GraftError(f"split.test: {test} is not a share between 0 and 1.")
    if shots is not None and train_size is not None:
        raise GraftError("split.shots and split.train_size exclude each other: set one to null.")
    if shots is not None and shots < 1:
        raise GraftError(f"split.shots: {shots} is not a positive number of images.")
    if train_size is not None and train_size < 1:
        raise GraftError(f"split.train_size: {train_size} is not a positive number of images.")


def _order_by_class(records: pd.DataFrame, seed: int) -> dict[str, list[str]]:
    """From class to its ids, in an order that depends on the seed and each id alone."""
    stream = derive_seed(seed, "split")
    return {
        str(label): sorted(images, key=lambda image: (derive_seed(stream, image), image))
        for label, images in records.groupby("label", sort=True)["id"]
    }


def _check_same_classes(pool: Mapping[str, list[str]], labels: set[str]) -> None:
    missing = sorted(labels - pool.keys())
    if missing:
        raise GraftError(
            f"The class '{missing[0]}' has images for validation or test but none for training."
        )


def _draw(
    pool: dict[str, list[str]], part: str, share: float, most: Mapping[str, int], spare: int
) -> dict[str, str]:
    """Take a part from the front of each class; `spare` images of each have to remain."""
    for label, images in pool.items():
        if len(images) < 1 + spare:
            raise GraftError(
                f"The class '{label}' has {len(images)} images left when the {part} part is drawn; "
                f"it needs {1 + spare}, one for each part. Add images, remove the class, or draw "
                "no validation part (split.validation: 0)."
            )
    sizes = {label: len(images) for label, images in pool.items()}
    total = math.floor(share * sum(sizes.values()) + 0.5)
    drawn: dict[str, str] = {}
    for label, count in apportion(sizes, total, least=1, most=most).items():
        drawn |= dict.fromkeys(pool[label][:count], part)
        pool[label] = pool[label][count:]
    return drawn


def _training_counts(
    pool: Mapping[str, list[str]], shots: int | None, train_size: int | None
) -> dict[str, int]:
    """How many training images each class gives."""
    sizes = {label: len(images) for label, images in pool.items()}
    if shots is not None:
        scarce = min(sizes, key=lambda label: sizes[label])
        if sizes[scarce] < shots:
            raise GraftError(
                f"split.shots: {shots}, but the class '{scarce}' has {sizes[scarce]} training "
                f"images. Choose at most {sizes[scarce]}."
            )
        return dict.fromkeys(sizes, shots)
    if train_size is not None:
        if not len(sizes) <= train_size <= sum(sizes.values()):
            raise GraftError(
                f"split.train_size: {train_size} is not between {len(sizes)} (one image a class) "
                f"and {sum(sizes.values())} (all training images)."
            )
        return apportion(sizes, train_size, least=1, most=sizes)
    return sizes
