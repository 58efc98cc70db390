"""Decoded images on disk, made by saving the plan that says how they are to be decoded."""

from __future__ import annotations

import json
import logging
import math
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset, DatasetError

from graft import storage
from graft.datasets.classes_file import CLASSES, classes_content, read_classes
from graft.datasets.decoding_journal import DecodingJournal, read_description, read_outcomes
from graft.datasets.one_commit import of_one_commit
from graft.datasets.pixel_file import count_images, map_images, pixel_writer, write_images
from graft.errors import GraftError

if TYPE_CHECKING:
    import pandas as pd
    from kedro_datasets._typing import JSONPreview

    from graft.images.decode import DecodedImages, DecodingPlan
    from graft.images.decoder import Decoded

logger = logging.getLogger(__name__)

IMAGES, OUTCOMES, LISTING = "images.npy", "outcomes.csv", "listing.csv"
SYNC_SECONDS = 5.0  # of work that a killed run loses at most


class DecodedImagesDataset(AbstractDataset["DecodingPlan", "DecodedImages"]):
    """A folder with all usable images of a source as one array, and what became of each file.

        decoded_images:
          type: graft.datasets.DecodedImagesDataset
          filepath: data/02_intermediate/decoded/digits-1a2b3c4d

    Saving a plan decodes it, on all processors and with a progress bar, unless that has been done:
    images whose ids and states are the same as when they were decoded are not decoded again, as
    long as their size, the rules and Pillow are the same. New labels are written without it. An
    image that could not be read is tried again each time.

    A run that is killed goes on where it was when it is started again on the same machine.
    Loading maps the pixels into memory; they are never in it as a whole.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """
        Args:
            filepath: The folder.
            metadata: For the tracking hook and Kedro-Viz.
        """
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> DecodedImages:
        from graft.images.decode import split_outcomes

        folder = self._filepath
        if not self._exists():
            raise DatasetError(
                f"There are no decoded images at {folder}, or they are incomplete: run "
                "`kedro run --pipeline=ingest` with the same parameters first."
            )

        def read() -> DecodedImages:
            return split_outcomes(
                map_images(folder / IMAGES), _read_table(folder), **read_classes(folder)
            )

        return of_one_commit(folder, read)

    def save(self, data: DecodingPlan) -> None:
        folder = self._filepath
        if not self._exists():
            known = None
        elif _is_decoded(folder, data):
            logger.info("%d images are decoded already: %s.", len(data.listing.records), folder)
            if _labels_differ(folder, data):
                _save_labels(folder, data)
            return
        else:
            known = _known(folder, data)
        with storage.committed(folder, resumable=True) as unfinished:
            _decode(unfinished, data, known)
            _write_labels(unfinished, data)

    def preview(self) -> JSONPreview:
        """How many images there are, and how many cannot be used."""
        decoded = self.load()
        told = {
            "source": decoded.source,
            "images": len(decoded.records),
            "quarantined": len(decoded.quarantine),
            "side_in_pixels": decoded.images.shape[1],
            "classes": list(decoded.class_names),
        }
        return json.dumps(told)

    def _exists(self) -> bool:
        return storage.is_committed(self._filepath)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}


def _description(plan: DecodingPlan) -> dict[str, Any]:
    return {"rule": plan.rule, "images": plan.digest}


def _decode(
    folder: Path, plan: DecodingPlan, known: Callable[[int], Decoded | None] | None
) -> None:
    """Decode what is not decoded yet into a folder that a killed run may have begun."""
    from graft.progress import track

    shape = (plan.size, plan.size, 3)
    journal = DecodingJournal(folder / OUTCOMES, _description(plan))
    if count_images(folder / IMAGES, shape) < _count_usable(journal.outcomes):
        (folder / OUTCOMES).unlink()  # the pixels are lost: begin again
        journal = DecodingJournal(folder / OUTCOMES, _description(plan))
    done, usable = journal.outcomes, _count_usable(journal.outcomes)
    if not len(done):
        # Never overwritten: the folder may be one that was replaced, its file linked elsewhere.
        (folder / IMAGES).unlink(missing_ok=True)
    total = len(plan.listing.records)
    _require_room(folder, (total - len(done)) * math.prod(shape))
    if len(done):
        logger.info("Going on after %d of %d images.", len(done), total)
    with pixel_writer(folder / IMAGES, shape, keep=usable) as writer:
        noted, last_sync = [], time.monotonic()
        for pixels, outcomes in plan.decode(len(done), known=known, track=track):
            writer.append(pixels)
            noted += outcomes
            if time.monotonic() - last_sync >= SYNC_SECONDS:
                writer.sync()
                journal.append(noted)
                noted, last_sync = [], time.monotonic()
        writer.sync()
        journal.append(noted)


def _count_usable(outcomes: pd.DataFrame) -> int:
    return int((outcomes["reason"] == "").sum())


def _require_room(folder: Path, needed: int) -> None:
    """Rather than fill a disk that others write to as well, and fail in the end."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise GraftError(
            f"There is no room for the decoded images: they need {needed:,} bytes more, and there "
            f"are {free:,} bytes free at {folder.parent}. Free some space, choose a smaller "
            "images.size, or move the data folder to a larger disk."
        )


def _is_decoded(folder: Path, plan: DecodingPlan) -> bool:
    """Whether the folder holds just what the plan would make."""
    if read_description(folder / OUTCOMES) != _description(plan):
        return False
    table = _read_table(folder)
    return not any(_can_be_read(plan, image) for image in table.loc[_is_unread(table), "id"])


def _is_unread(table: pd.DataFrame) -> pd.Series:
    return (table["reason"] != "") & (table["sha256"] == "")


def _can_be_read(plan: DecodingPlan, image: str) -> bool:
    with suppress(Exception):  # whatever a source raises
        plan.listing.read(image)
        return True
    return False


def _known(folder: Path, plan: DecodingPlan) -> Callable[[int], Decoded | None] | None:
    """What the folder knows of the plan's rows, if it was made by the same rules."""
    import numpy as np

    from graft.images.decoder import Decoded, Outcome

    description, table, images = of_one_commit(
        folder,
        lambda: (
            read_description(folder / OUTCOMES),
            _read_table(folder),
            map_images(folder / IMAGES),
        ),
    )
    if description is None or description["rule"] != plan.rule:
        return None
    image_row = (table["reason"] == "").cumsum().to_numpy() - 1
    outcomes = [Outcome(*row) for row in table[list(Outcome._fields)].itertuples(index=False)]
    places = table.loc[~_is_unread(table), ["id", "state"]].assign(place=lambda rows: rows.index)
    wanted = plan.listing.records[["id", "state"]]
    found = wanted.merge(places, how="left", on=["id", "state"])["place"]
    place_of = found.fillna(-1).to_numpy(np.int64)
    logger.info("%d of %d images are decoded already.", (place_of >= 0).sum(), len(place_of))

    def known(row: int) -> Decoded | None:
        place = place_of[row]
        if place < 0:
            return None
        outcome = outcomes[place]
        return Decoded(outcome, None if outcome.reason else images[image_row[place]])

    return known


def _read_table(folder: Path) -> pd.DataFrame:
    """A row for each listed image: its record and its outcome."""
    import pandas as pd

    # The terminator that was written: a file's name may hold the other one.
    records = pd.read_csv(folder / LISTING, dtype=str, keep_default_na=False, lineterminator="\n")
    records["split"] = records["split"].astype(object).where(records["split"] != "", None)
    return pd.concat([records, read_outcomes(folder / OUTCOMES)], axis=1)


def _labels(plan: DecodingPlan) -> dict[str, bytes]:
    """The files that say what the images are, by name."""
    listing = plan.listing
    return {
        LISTING: listing.records.to_csv(index=False, lineterminator="\n").encode(),
        CLASSES: classes_content(listing.name, listing),
    }


def _labels_differ(folder: Path, plan: DecodingPlan) -> bool:
    return any((folder / name).read_bytes() != content for name, content in _labels(plan).items())


def _write_labels(folder: Path, plan: DecodingPlan) -> None:
    for name, content in _labels(plan).items():
        (folder / name).write_bytes(content)


def _save_labels(folder: Path, plan: DecodingPlan) -> None:
    """Put other labels beside the same pixels."""
    images, outcomes = of_one_commit(
        folder, lambda: (map_images(folder / IMAGES), (folder / OUTCOMES).read_bytes())
    )
    with storage.committed(folder) as partial:
        write_images(partial / IMAGES, images)
        (partial / OUTCOMES).write_bytes(outcomes)
        _write_labels(partial, plan)
