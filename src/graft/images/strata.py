"""Images in groups from which every part takes its share.

A single-label image stands in the stratum of its class. A multi-label image stands in that of the
rarest of its classes, so that the images of rare classes are spread exactly and the others nearly
so; this is the first step of iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011),
which goes on to correct itself image by image and for that gives up that parts are nested and
that an image more or less moves hardly any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft.classes import split_label
from graft.errors import GraftError
from graft.seeding import derive_seed

if TYPE_CHECKING:
    import pandas as pd

NO_LABEL = ""  # the stratum of images that show none of the classes


@dataclass(eq=False)
class Strata:
    """The images that have no part yet.

    Attributes:
        images: From stratum to ids, in order of `rank`.
        rank: From id to a number that depends on the seed and the id alone.
        labels_of: From id to the classes that the image shows.
        multi_label: Whether strata are more than classes.
    """

    images: dict[str, list[str]]
    rank: dict[str, int]
    labels_of: dict[str, tuple[str, ...]]
    multi_label: bool

    def sizes(self) -> dict[str, int]:
        """How many images each stratum has left."""
        return {label: len(images) for label, images in self.images.items()}

    def take(self, label: str, positions: Iterable[int]) -> list[str]:
        """Remove and return the images at these positions of a stratum."""
        chosen = set(positions)
        images = self.images[label]
        self.images[label] = [image for k, image in enumerate(images) if k not in chosen]
        return [images[k] for k in sorted(chosen)]

    def take_first(self, label: str, count: int) -> list[str]:
        """Remove and return the first images of a stratum."""
        return self.take(label, range(count))

    def require_all_classes(self, chosen: Iterable[str]) -> None:
        """Refuse training images that lack a class.

        Raises:
            GraftError: A class has images, but none among `chosen`.
        """
        found = {name for image in chosen for name in self.labels_of[image]}
        known = {name for names in self.labels_of.values() for name in names}
        if missing := sorted(known - found):
            raise GraftError(
                f"The class '{missing[0]}' has images for validation or test but none for "
                "training. Add some, remove the class, or take more images for training."
            )


def stratify(
    records: pd.DataFrame, chosen: pd.Series, seed: int, *, multi_label: bool = False
) -> Strata:
    """Put images into strata.

    Args:
        records: All images: columns `id` and `label`.
        chosen: bool, which of them are to be put into strata.
        seed: Decides the order.
        multi_label: Whether `label` may hold several classes.

    Raises:
        GraftError: A class occurs among the records but not among the chosen ones.
    """
    split = split_label if multi_label else lambda label: (label,)
    labels_of = {
        image: split(label) for image, label in zip(records["id"], records["label"], strict=True)
    }
    counts = Counter(name for names in labels_of.values() for name in names)
    stream = derive_seed(seed, "split")
    rank = {image: derive_seed(stream, image) for image in records.loc[chosen, "id"]}
    strata: dict[str, list[str]] = {}
    for image in sorted(rank, key=lambda image: (rank[image], image)):
        names = labels_of[image]
        rarest = min(names, key=lambda name: (counts[name], name), default=NO_LABEL)
        strata.setdefault(rarest, []).append(image)
    pool = Strata(
        images={label: strata[label] for label in sorted(strata)},
        rank=rank,
        labels_of=labels_of,
        multi_label=multi_label,
    )
    pool.require_all_classes(rank)
    return pool


def few_of_each(pool: Strata, shots: int) -> set[str]:
    """The last images of each class, so that smaller sets are parts of larger ones.

    Of a multi-label task each class has at least `shots` images: those that were taken for another
    class count as well.

    Raises:
        GraftError: A class has fewer images.
    """
    left = [image for images in pool.images.values() for image in images]
    images_of: dict[str, list[str]] = {}
    for image in sorted(left, key=lambda image: (pool.rank[image], image)):
        for name in pool.labels_of[image]:
            images_of.setdefault(name, []).append(image)
    scarce = min(images_of, key=lambda name: len(images_of[name]))
    if len(images_of[scarce]) < shots:
        raise GraftError(
            f"split.shots: {shots}, but the class '{scarce}' has {len(images_of[scarce])} training "
            f"images. Choose at most {len(images_of[scarce])}."
        )
    return {image for images in images_of.values() for image in images[len(images) - shots :]}
