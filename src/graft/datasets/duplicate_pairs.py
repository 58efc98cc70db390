"""Pairs of duplicates on disk, found by saving the search for them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from graft.datasets.table import TableDataset

if TYPE_CHECKING:
    from graft.images.duplicates import DuplicateSearch

logger = logging.getLogger(__name__)

DIGEST = "compared.txt"


class DuplicatePairsDataset(TableDataset):
    """The table that a search for duplicates gives, with the digest of what was compared.

        duplicate_pairs:
          type: graft.datasets.DuplicatePairsDataset
          filepath: data/02_intermediate/duplicates/digits-1a2b3c4d.csv

    Saving a search runs it, unless the same images with the same labels have been compared already.
    """

    def save(self, data: DuplicateSearch) -> None:
        if self._exists() and self._compared() == data.digest:
            logger.info("%d images have been compared already.", len(data.records))
        else:
            super().save(data)

    def write(self, path: Path, data: DuplicateSearch) -> None:
        super().write(path, data.run())
        path.with_name(DIGEST).write_text(data.digest)

    def _compared(self) -> str:
        return self.filepath.with_name(DIGEST).read_text()
