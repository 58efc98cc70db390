"""The commit protocol: a folder on disk is complete and checksummed, or it is not there.

`committed` hands out a temporary folder beside its target. When the caller is done it writes the
size and the SHA-256 of every file into `manifest.json`, pushes all of it to the disk and puts the
folder in its place in one step. A process killed at any instant, a full disk or an exception
leaves the old folder or the new one, never a part of either.

    with committed(Path("data/store")) as folder:
        (folder / "classes.json").write_text(json.dumps(classes))

    is_committed(Path("data/store"))  # complete? names and sizes, no content read
    verify(Path("data/store"))        # unchanged? every byte hashed

What takes long to make may be `resumable`: then the temporary folder outlives a failure, and the
next attempt goes on in it.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from graft.errors import GraftError
from graft.lease import held_lease

MANIFEST = "manifest.json"
FORMAT = 1

# EFBIG: a quota by file size (ulimit -f), which to the user is a full disk as well.
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# The name of a temporary folder tells whose it is. A host's dots become dashes, so that the parts
# between dots can be told apart.
_HOST = socket.gethostname().replace(".", "-")
_TEMPORARY = re.compile(
    r"\.(?P<target>.+)\.(?P<host>[^.]+)\.(?P<pid>\d+)-[0-9a-f]{8}"
    r"\.(?P<kind>partial|replaced|unfinished)"
)
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # <fcntl.h> and <stdio.h> of Linux


class CorruptedFileError(GraftError):
    """A file is not what was saved: missing, torn or with other bytes."""


@contextmanager
def committed(target: Path, *, resumable: bool = False) -> Iterator[Path]:
    """Write a folder so that it appears complete or not at all.

    Two processes that write the same target at once are both safe; the later one stays. A reader
    that has mapped a file of the old folder into memory goes on reading the old one.

    Args:
        target: The folder to make or to replace. Its parents are made.
        resumable: Keep what was written if the caller fails or is killed, for the next attempt.

    Yields:
        A folder beside the target, to be filled. It is empty, and gone afterwards whatever happens;
        a resumable one is as an earlier attempt on this host left it, and gone after a success.

    Raises:
        GraftError: The disk is full, or `target` holds files of somebody else, which would be
            lost. What lay at `target` is as before.
        LeaseLostError: SLURM has started this job again elsewhere (`graft.lease`).
        ValueError: The caller wrote a file called `manifest.json`, the protocol's own.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_stale_partials(target.parent)
    _refuse_foreign_files(target)
    partial = _temporary_beside(target, "unfinished" if resumable else "partial")
    keep = resumable
    try:
        if not (resumable and _adopt_unfinished(target, partial)):
            partial.mkdir()
        yield partial
        _seal(partial)
        with held_lease():
            _put_in_place(partial, target)
        _sync(target.parent)
        keep = False
    except OSError as error:
        if error.errno not in _DISK_FULL:
            raise
        written = sum(path.stat().st_size for path in _files(partial))
        free = shutil.disk_usage(target.parent).free
        raise GraftError(
            f"There is no room to save {target}: {error.strerror} after {written:,} bytes, with "
            f"{free:,} bytes free. What was saved there before is untouched. Free some space, or "
            "move the data folder to a larger disk, and run again."
        ) from error
    finally:
        if not keep:
            # After an exchange this is the folder that was replaced.
            shutil.rmtree(partial, ignore_errors=True)


def is_committed(target: Path) -> bool:
    """Whether a complete folder lies at `target`: every file there, of the right size.

    Cheap, for no content is read: `verify` finds changed bytes, this does not.
    """
    _put_back_replaced(target)
    files = _read_manifest(target)
    return files is not None and all(
        (target / name).is_file() and (target / name).stat().st_size == expected["bytes"]
        for name, expected in files.items()
    )


def verify(target: Path) -> None:
    """Compare every byte of a committed folder with the manifest.

    Raises:
        CorruptedFileError: A file is missing or has changed; the message names it.
    """
    _put_back_replaced(target)
    files = _read_manifest(target)
    remedy = f"Delete the folder {target} and run again what made it, or load an older version."
    if files is None:
        raise CorruptedFileError(
            f"{target / MANIFEST} is missing or unreadable, so the folder was not saved "
            f"completely. {remedy}"
        )
    for name, expected in files.items():
        path = target / name
        if not path.is_file():
            raise CorruptedFileError(f"{path} is missing. {remedy}")
        if _sha256(path) != expected["sha256"]:
            raise CorruptedFileError(
                f"{path} is not what was saved: its {path.stat().st_size:,} bytes have another "
                f"SHA-256 than the {expected['bytes']:,} bytes that {MANIFEST} records. {remedy}"
            )


def saved_files(target: Path) -> set[str]:
    """The files of a committed folder as its manifest names them; none where there is none."""
    return set(_read_manifest(target) or {})


def remove_stale_partials(parent: Path) -> list[Path]:
    """Remove what dead processes of this host left behind in `parent`.

    A folder of another host or of a living process stays: it may be in the making. So does what a
    later attempt can go on with.

    Returns:
        The folders that were removed.
    """
    removed = []
    for path, name in _abandoned(parent):
        if name["kind"] == "unfinished":
            continue
        _put_back_replaced(parent / name["target"])
        if path.exists():
            shutil.rmtree(path, ignore_errors=True)
            removed.append(path)
    return removed


def _adopt_unfinished(target: Path, own: Path) -> bool:
    """Go on in what an earlier attempt has left, if any; of several processes one gets it."""
    for path, name in _abandoned(target.parent, or_own=True):
        if name["kind"] == "unfinished" and name["target"] == target.name:
            with suppress(OSError):
                os.rename(path, own)
                (own / MANIFEST).unlink(missing_ok=True)  # it was killed while it was sealed
                return True
    return False


def _refuse_foreign_files(target: Path) -> None:
    """Replace only what the protocol wrote: the target might be somebody's folder of images."""
    own = {MANIFEST, *(_read_manifest(target) or {})}
    for path in target.rglob("*"):
        if path.is_file() and path.relative_to(target).as_posix() not in own:
            raise GraftError(
                f"{target} is not replaced, for it holds {path}, which Graft did not save there. "
                "Move the folder away, or save to another path."
            )


def _seal(folder: Path) -> None:
    """Push every file to the disk and record it in the manifest."""
    manifest = folder / MANIFEST
    if manifest.exists():
        raise ValueError(f"A committed folder cannot hold a file called {MANIFEST}: rename it.")
    files = {}
    for path in _files(folder):
        _sync(path)
        name = path.relative_to(folder).as_posix()
        files[name] = {"sha256": _sha256(path), "bytes": path.stat().st_size}
    manifest.write_text(json.dumps({"format": FORMAT, "files": files}, indent=1) + "\n")
    _sync(manifest)
    for inner in [path for path in folder.rglob("*") if path.is_dir()]:
        _sync(inner)
    _sync(folder)


def _put_in_place(partial: Path, target: Path) -> None:
    """Move the new folder to its place; an old one then lies at `partial`."""
    try:
        os.rename(partial, target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        if not _exchange(partial, target):
            _exchange_in_steps(partial, target)


def _exchange(partial: Path, target: Path) -> bool:
    """Swap two folders at once, or return False where the system or the file system cannot.

    Python has no call for it; Linux has `renameat2`, except on NFS.
    """
    try:
        renameat2 = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError):
        return False
    old, new = os.fsencode(partial), os.fsencode(target)
    return bool(renameat2(_AT_FDCWD, old, _AT_FDCWD, new, _RENAME_EXCHANGE) == 0)


def _exchange_in_steps(partial: Path, target: Path) -> None:
    """Swap two folders by renaming. Whoever dies after the first step has `_put_back_replaced`."""
    aside = _temporary_beside(target, "replaced")
    os.rename(target, aside)
    try:
        os.rename(partial, target)
    finally:
        os.rename(aside, partial if target.exists() else target)


def _put_back_replaced(target: Path) -> None:
    """Undo the first step of an exchange whose process died before the second."""
    if target.exists() or not target.parent.is_dir():
        return
    for path, name in _abandoned(target.parent):
        if name["kind"] == "replaced" and name["target"] == target.name:
            # Another process may do the same at this moment: one of the two is enough.
            with suppress(OSError):
                os.rename(path, target)
            return


def _temporary_beside(target: Path, kind: str) -> Path:
    return target.with_name(f".{target.name}.{_HOST}.{os.getpid()}-{secrets.token_hex(4)}.{kind}")


def _abandoned(parent: Path, or_own: bool = False) -> list[tuple[Path, re.Match[str]]]:
    """What a dead process of this host left in `parent`, or this one did in a failed attempt."""
    named = [(path, _TEMPORARY.fullmatch(path.name)) for path in parent.iterdir()]
    return [
        (path, name)
        for path, name in named
        if name
        and name["host"] == _HOST
        and (not _is_alive(int(name["pid"])) or (or_own and int(name["pid"]) == os.getpid()))
    ]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # signal 0 only asks
    except ProcessLookupError:
        return False
    except PermissionError:  # alive, and somebody else's
        return True
    return True


def _read_manifest(folder: Path) -> dict[str, dict[str, Any]] | None:
    """The manifest's files, or None where there is none that can be read."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        files = {
            name: {"sha256": str(entry["sha256"]), "bytes": int(entry["bytes"])}
            for name, entry in manifest["files"].items()
        }
        return files if manifest["format"] == FORMAT else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    """Wait until a file or a folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
