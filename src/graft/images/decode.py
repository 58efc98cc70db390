"""A listing's images, decoded once, and those that cannot be trusted, quarantined.

What becomes of one image is ruled by `graft.images.decoder`. Here is how a whole listing is decoded
(`DecodingPlan`), what comes out (`DecodedImages`), and whether that is fit for training.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.classes import split_label
from graft.errors import GraftError
from graft.images.decoder import RULE, Outcome
from graft.images.decoding_processes import decode_in_order

if TYPE_CHECKING:
    import pandas as pd

    from graft.images.arrays import ImageArray
    from graft.images.decoder import Content, Decoded
    from graft.images.listing import ImageListing, Pixels

    Track = Callable[[Iterable[Any], str, int], Iterable[Any]]

logger = logging.getLogger(__name__)

REASONS_SHOWN = 5


@dataclass(frozen=True, eq=False)
class DecodedImages:
    """What became of a listing.

    Attributes:
        images: uint8 (N, S, S, 3), in the listing's order.
        records: Row i describes images[i]: `id`, `label`, `split` (and `ignored`) as listed,
            `width` and `height` (pixels before the crop, as oriented) and `sha256` (of the file,
            or of an array's pixels).
        quarantine: What was left out: `id`, `label`, `reason`, `sha256` ("" where not readable).
        class_names: The listing's classes.
        source: The listing's name.
        multi_label: As of the listing.
    """

    images: ImageArray
    records: pd.DataFrame
    quarantine: pd.DataFrame
    class_names: tuple[str, ...]
    source: str
    multi_label: bool = False


@dataclass(frozen=True, eq=False)
class DecodingPlan:
    """Which images are to be decoded, and how. Nothing is read before `decode` is asked for it.

    Attributes:
        listing: The images and how to read them.
        size: Side length S of the decoded squares in pixels.
        max_pixels: A picture of more pixels (width times height) is quarantined undecoded.
    """

    listing: ImageListing
    size: int
    max_pixels: int

    @property
    def rule(self) -> dict[str, Any]:
        """What decides which pixels an image becomes, besides the image."""
        import PIL

        return {
            "rule": RULE,
            "pillow": PIL.__version__,
            "size": self.size,
            "max_pixels": self.max_pixels,
        }

    @property
    def digest(self) -> str:
        """Names the images, their order and their states, but no label: 64 hexadecimal digits."""
        found = hashlib.sha256()
        for column in ("id", "state"):
            found.update("\0".join(self.listing.records[column]).encode())
        return found.hexdigest()

    def decode(
        self,
        first: int = 0,
        *,
        known: Callable[[int], Decoded | None] | None = None,
        track: Track | None = None,
    ) -> Iterator[tuple[Pixels, list[Outcome]]]:
        """Decode on all processors; the result does not depend on their number.

        Args:
            first: The row to begin with.
            known: From a row to what is known of it already, or None; called from several threads.
            track: Shows progress, as `graft.progress.track` does; None shows none.

        Yields:
            Some rows at a time, in order: the pixels of the usable ones, uint8 (M, S, S, 3), and
            the outcomes of all.
        """
        ids = self.listing.records["id"].tolist()

        def content(row: int) -> Content:
            found = known(row) if known is not None else None
            return self.listing.read(ids[row]) if found is None else found

        rows = range(first, len(ids))
        batches = decode_in_order(content, rows, size=self.size, max_pixels=self.max_pixels)
        steps = _steps(rows if track is None else track(rows, "Decoding images", len(rows)))
        with closing(batches), closing(steps):
            for pixels, outcomes in batches:
                for _ in outcomes:
                    next(steps)
                yield pixels, outcomes
            next(steps, None)  # so that the bar is finished, too

    def result(self, images: ImageArray, outcomes: pd.DataFrame) -> DecodedImages:
        """Put together what `decode` has given: all usable pixels and all outcomes."""
        import pandas as pd

        table = pd.concat([self.listing.records.reset_index(drop=True), outcomes], axis=1)
        return split_outcomes(
            images,
            table,
            class_names=self.listing.class_names,
            source=self.listing.name,
            multi_label=self.listing.multi_label,
        )


def split_outcomes(images: ImageArray, table: pd.DataFrame, **listing: Any) -> DecodedImages:
    """The decoded images of a table that has, for each listed image, its record and its outcome.

    Args:
        images: The usable ones, in the table's order.
        table: The columns of a listing's records and of `Outcome`.
        listing: The remaining attributes of `DecodedImages`.
    """
    usable = (table["reason"] == "").to_numpy(dtype=bool)
    columns = [column for column in table.columns if column not in ("state", "reason")]
    return DecodedImages(
        images=images,
        records=table.loc[usable, columns].reset_index(drop=True),
        quarantine=table.loc[~usable, ["id", "label", "reason", "sha256"]].reset_index(drop=True),
        **listing,
    )


def decode_images(
    listing: ImageListing, size: int, *, max_pixels: int, track: Track | None = None
) -> DecodedImages:
    """Decode a whole listing into memory.

    Args:
        listing: The images and how to read them.
        size: Side length S of the decoded squares in pixels.
        max_pixels: A picture of more pixels (width times height) is quarantined undecoded.
        track: Shows progress, as `graft.progress.track` does; None shows none.
    """
    import pandas as pd

    plan = DecodingPlan(listing, size, max_pixels)
    images = np.empty((len(listing.records), size, size, 3), dtype=np.uint8)
    outcomes: list[Outcome] = []
    kept = 0
    for pixels, found in plan.decode(track=track):
        images[kept : kept + len(pixels)] = pixels
        kept += len(pixels)
        outcomes += found
    table = pd.DataFrame(outcomes, columns=list(Outcome._fields))
    return plan.result(images[:kept], table)


def check_audit(
    decoded: DecodedImages, *, max_quarantined_share: float, min_images_per_class: int
) -> None:
    """Refuse a collection that decoding has shown to be unfit for training.

    Raises:
        GraftError: More than `max_quarantined_share` (0 to 1) of the images are quarantined, a
            class keeps fewer than `min_images_per_class`, or there are fewer than two classes.
    """
    kept, lost = len(decoded.records), len(decoded.quarantine)
    if lost > max_quarantined_share * (kept + lost):
        first = decoded.quarantine.head(REASONS_SHOWN)
        lines = [f"  {row.id}: {row.reason}" for row in first.itertuples()]
        lines += ["  …"] if lost > REASONS_SHOWN else []
        raise GraftError(
            f"{lost} of {kept + lost} images are quarantined, more than "
            f"images.max_quarantined_share: {max_quarantined_share} allows. Mend or remove them, "
            "or raise the share:\n" + "\n".join(lines)
        )
    usable = _usable_per_class(decoded)
    if unseen := [name for name in decoded.class_names if name not in usable]:
        logger.warning("No image shows %s: nothing can be learnt of it.", ", ".join(unseen))
    for label, count in usable.items():
        if count < min_images_per_class:
            raise GraftError(
                f"The class '{label}' has {count} usable images, fewer than "
                f"images.min_images_per_class: {min_images_per_class}. Add images or remove it."
            )


def _usable_per_class(decoded: DecodedImages) -> dict[str, int]:
    """Images of each class that is left or was lost.

    Raises:
        GraftError: Single-label images of one class only; a multi-label task may have one.
    """
    used, lost = decoded.records["label"], decoded.quarantine["label"]
    labels_of = split_label if decoded.multi_label else lambda label: (label,)
    counts = Counter(name for label in used for name in labels_of(label))
    names = sorted({*counts, *(name for label in lost for name in labels_of(label))})
    if len(names) < (1 if decoded.multi_label else 2):
        raise GraftError(
            f"A classifier needs images of at least two classes; here is {names or 'no image'}."
        )
    return {name: counts[name] for name in names}


def _steps(items: Iterable[Any]) -> Generator[Any]:
    """A generator can be closed, and a progress bar with it."""
    yield from items
