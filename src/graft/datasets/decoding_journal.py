"""Which images of a listing are decoded, a line each: what a killed run goes on from."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from graft.images.decoder import Outcome


class DecodingJournal:
    """Appends outcomes to a CSV file, whose first line says what is decoded, and how.

    A line may be written only when the image's pixels are on the disk.

    Attributes:
        outcomes: What an earlier run has written about the same images; empty if it was about
            others. A last line that is torn does not count.
    """

    def __init__(self, path: Path, description: dict[str, Any]) -> None:
        found, outcomes, length = _read(path)
        self._path = path
        self.outcomes = outcomes if found == description else outcomes.head(0)
        if found == description:
            os.truncate(path, length)
        else:
            path.write_bytes(b"")
            self._append(json.dumps(description) + "\n")

    def append(self, outcomes: list[Outcome]) -> None:
        """Note the next outcomes, and wait until they are on the disk."""
        lines = io.StringIO(newline="")
        csv.writer(lines, lineterminator="\n").writerows(outcomes)
        self._append(lines.getvalue())

    def _append(self, text: str) -> None:
        with self._path.open("ab") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())


def read_description(path: Path) -> dict[str, Any] | None:
    """What a journal is about, or None where there is none that can be read."""
    try:
        with path.open("rb") as file:
            description = json.loads(file.readline())
    except (OSError, ValueError):
        return None
    return description if isinstance(description, dict) else None


def read_outcomes(path: Path) -> pd.DataFrame:
    """The fields of `graft.images.decoder.Outcome` as columns; a row an image, as listed."""
    return _read(path)[1]


def _read(path: Path) -> tuple[dict[str, Any] | None, pd.DataFrame, int]:
    """Description, outcomes, and how many bytes of the file they are."""
    import pandas as pd

    from graft.images.decoder import Outcome

    content = path.read_bytes() if path.exists() else b""
    # What a crash of the machine tears may end in zeros.
    whole, newline, _ = content.partition(b"\0")[0].rpartition(b"\n")
    whole += newline
    lines = io.BytesIO(whole)
    lines.readline()
    outcomes = pd.read_csv(
        lines,
        names=list(Outcome._fields),
        dtype={"width": "int64", "height": "int64", "sha256": str, "reason": str},
        keep_default_na=False,
    )
    return read_description(path), outcomes, len(whole)
