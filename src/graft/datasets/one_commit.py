"""Reading several files of a committed folder that another run may replace meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from graft.storage import MANIFEST

Read = TypeVar("Read")


def of_one_commit(folder: Path, read: Callable[[], Read]) -> Read:
    """What `read` returns, all of it from the same commit of the folder.

    Otherwise the labels of one commit could stand beside the pixels of the next.

    Args:
        folder: A committed folder.
        read: Opens the folder's files; called again if the folder was replaced while it did. A file
            that it has mapped into memory stays what it was.
    """
    while True:
        before = _commit(folder)
        try:
            found = read()
        except Exception:
            if _commit(folder) == before:
                raise
            continue  # half of one and half of the other is what it stumbled over
        if _commit(folder) == before:
            return found


def _commit(folder: Path) -> tuple[int, int]:
    """What tells one commit from the next, which is another folder with files of its own."""
    manifest = os.stat(folder / MANIFEST)
    return manifest.st_ino, manifest.st_mtime_ns
