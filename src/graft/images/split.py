"""Stratified, seeded parts: train, validation, test, folds, and smaller training sets.

Within a class the images stand in an order of their own, by a hash of the seed and the image's id.
The test images are taken from its front, the validation images after them, and the training images
from its end. Five properties follow without further care:

* The records' order does not matter, and an image that comes or goes moves hardly any other.
* The test part is the same whatever the validation share, the fold and the training set's size.
* Few-shot sets are nested: with one seed, 10 shots contain the 5 shots, and half of the training
  images contain a tenth of them.
* More images of one class do not change which shots are taken of another.
* The validation parts of k folds share no image and together are all that is not for testing.

An image of a multi-label task stands with the rarest of its classes (`graft.images.strata`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft.errors import GraftError
from graft.images.listing import PARTS
from graft.images.strata import Strata, few_of_each, stratify

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SplitRecipe:
    """How images are given their parts; `split` in the parameters.

    Attributes:
        validation: Share of the images that are not for testing, in [0, 1); 0 means none.
        test: Share of all images, in (0, 1); not used where the source gives a test part.
        shots: Training images of each class, or None for all. Of a multi-label task at least so
            many images show each class.
        fraction: Share of each class's training images, in (0, 1], or None for all.
        train_size: Training images of all classes together, stratified, or None for all.
        folds: Draw the validation part as one of so many equal folds of the images that are not
            for testing, instead of by its share; None does not.
        fold: Which of them, counted from 0.

    Raises:
        GraftError: A value is out of range, or two exclude each other.
    """

    validation: float = 0.15
    test: float = 0.2
    shots: int | None = None
    fraction: float | None = None
    train_size: int | None = None
    folds: int | None = None
    fold: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.validation < 1:
            raise GraftError(f"split.validation: {self.validation} is not a share from 0 to 1.")
        if not 0 < self.test < 1:
            raise GraftError(f"split.test: {self.test} is not a share between 0 and 1.")
        if self.fraction is not None and not 0 < self.fraction <= 1:
            raise GraftError(f"split.fraction: {self.fraction} is not a share above 0, at most 1.")
        sizes = {"shots": self.shots, "train_size": self.train_size}
        for name, size in sizes.items():
            if size is not None and size < 1:
                raise GraftError(f"split.{name}: {size} is not a positive number of images.")
        if sum(size is not None for size in (*sizes.values(), self.fraction)) > 1:
            raise GraftError(
                "split.shots, split.fraction and split.train_size exclude each other: set all but "
                "one to null."
            )
        if self.folds is not None and not self.folds >= 2:
            raise GraftError(f"split.folds: {self.folds} is not a number from 2.")
        if not 0 <= self.fold < (self.folds or 1):
            raise GraftError(
                f"split.fold: {self.fold} is not one of split.folds: {self.folds}, counted from 0."
            )

    @property
    def takes_few(self) -> bool:
        """Whether the training images are fewer than there are."""
        share = self.fraction if self.fraction is not None else 1.0
        return self.shots is not None or self.train_size is not None or share < 1


def assign_splits(
    records: pd.DataFrame, recipe: SplitRecipe, seed: int, *, multi_label: bool = False
) -> pd.Series:
    """Give every image a part.

    Parts that the source gives (column `split`) stay as they are. A missing test or validation
    part is drawn from the images that are given as `train`, or from all where nothing is given.
    The sizes of parts drawn by a share are exact: the rounded share of the images, apportioned to
    the classes by largest remainder, and at least one image of each class (of a multi-label task
    classes that are rare may be missing from a small part; from the training part is an error).

    Args:
        records: Columns `id` (unique), `label` and `split` ("train", "validation", "test", None).
        recipe: Shares, folds and the size of the training set.
        seed: Decides which images go where.
        multi_label: Whether `label` may hold several classes.

    Returns:
        "train", "validation", "test" or "unused" for each row, with the index of `records`.

    Raises:
        GraftError: A class has too few images for the parts or for the training set that is asked
            for; folds are asked for and the source gives a validation part.
    """
    import pandas as pd

    given = set(records["split"].dropna())
    if given - set(PARTS):
        raise ValueError(f"Unknown parts {sorted(given - set(PARTS))}; known: {PARTS}.")
    if recipe.folds is not None and "validation" in given:
        raise GraftError(
            "split.folds: the source gives a validation part of its own. Set split.folds to null."
        )
    parts = {
        image: part
        for image, part in zip(records["id"], records["split"], strict=True)
        if part in ("validation", "test")
    }
    pool = stratify(records, ~records["id"].isin(parts.keys()), seed, multi_label=multi_label)

    if "test" not in given:
        # Room for validation and training is kept whether or not there will be a validation part:
        # the test part must not depend on it.
        without = recipe.validation == 0 and recipe.folds is None
        parts |= _draw(pool, "test", recipe.test, room=2, needed=1 if without else 2)
    if recipe.folds is not None:
        parts |= _draw_fold(pool, recipe.folds, recipe.fold)
    elif "validation" not in given and recipe.validation > 0:
        parts |= _draw(pool, "validation", recipe.validation, room=1, needed=1)

    train = _choose_training_images(pool, recipe)
    pool.require_all_classes(train)
    for images in pool.images.values():
        parts |= {image: "train" if image in train else "unused" for image in images}
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


def _draw(pool: Strata, part: str, share: float, *, room: int, needed: int) -> dict[str, str]:
    """Take a part from the front of each stratum.

    Args:
        pool: What is left; the part is taken out of it.
        part: Its name.
        share: Of all images that are left.
        room: Images of each stratum that are left for other parts if there are so many.
        needed: Images of each class that have to be left; strata of a multi-label task, which are
            not its classes, may be used up.
    """
    sizes = pool.sizes()
    if not pool.multi_label:
        for label, size in sizes.items():
            if size < 1 + needed:
                raise GraftError(
                    f"The class '{label}' has {size} images left when the {part} part is drawn; "
                    f"it needs {1 + needed}, one for each part. Add images, remove the class, or "
                    "draw no validation part (split.validation: 0)."
                )
    least = 0 if pool.multi_label else 1
    most = {label: max(least, size - room) for label, size in sizes.items()}
    total = math.floor(share * sum(sizes.values()) + 0.5)
    drawn: dict[str, str] = {}
    for label, count in apportion(sizes, total, least=least, most=most).items():
        drawn |= dict.fromkeys(pool.take_first(label, count), part)
    return drawn


def _draw_fold(pool: Strata, folds: int, fold: int) -> dict[str, str]:
    """The validation images of one fold: every `folds`-th image, counted through all strata.

    So the folds differ by one image at most, in each stratum and in all.
    """
    for label, size in pool.sizes().items():
        if size < folds and not pool.multi_label:
            remedy = f"Choose at most {size} folds" if size > 1 else "Set split.folds to null"
            raise GraftError(
                f"split.folds: {folds}, but the class '{label}' has {size} images that are not for "
                f"testing. {remedy}, or add images."
            )
    drawn: dict[str, str] = {}
    start = 0
    for label, size in pool.sizes().items():
        chosen = range((fold - start) % folds, size, folds)
        drawn |= dict.fromkeys(pool.take(label, chosen), "validation")
        start += size
    return drawn


def _choose_training_images(pool: Strata, recipe: SplitRecipe) -> set[str]:
    sizes = pool.sizes()
    if recipe.shots is not None:
        return few_of_each(pool, recipe.shots)
    if recipe.train_size is not None:
        if not len(sizes) <= recipe.train_size <= sum(sizes.values()):
            raise GraftError(
                f"split.train_size: {recipe.train_size} is not between {len(sizes)} (one image a "
                f"class) and {sum(sizes.values())} (all training images)."
            )
        counts = apportion(sizes, recipe.train_size, least=1, most=sizes)
    elif recipe.fraction is not None:
        # Each class by itself: apportioned shares of a total would not be nested.
        counts = {
            label: max(1, math.floor(recipe.fraction * size + 0.5)) for label, size in sizes.items()
        }
    else:
        counts = sizes
    return {
        image
        for label, images in pool.images.items()
        for image in images[len(images) - counts[label] :]
    }
