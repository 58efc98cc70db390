"""Fetch and unpack a tar archive of a published collection, complete or not at all.

Zip archives of images are never unpacked: `graft.images.file_tree` reads inside them.
"""

from __future__ import annotations

import shutil
import tarfile
import zlib
from collections.abc import Iterator
from gzip import BadGzipFile
from pathlib import Path, PurePosixPath

from graft.errors import GraftError
from graft.images.download import RemoteFile, fetch, one_at_a_time
from graft.images.file_tree import MAX_ARCHIVE_BYTES, MAX_ARCHIVE_MEMBERS, MAX_FILE_BYTES
from graft.progress import track


def fetch_folder(remote: RemoteFile, target: Path, instead: str) -> Path:
    """The folder `target`, downloaded beside itself as a tar archive and unpacked, once.

    Args:
        remote: The archive; it holds `target.name` at its top.
        target: The folder; if it is there, the archive need not be.
        instead: What `source.folder` may name instead of a download, for the message.

    Raises:
        GraftError: The archive cannot be had, or it cannot be unpacked.
    """
    if not target.is_dir():
        unpack_tar(fetch(remote, target.parent, instead), target)
    return target


def unpack_tar(archive: Path, target: Path) -> None:
    """Unpack the folder `target.name` at the top of a tar archive to `target`.

    A folder that is there already stays. Members that would leave the folder, links and devices are
    refused, and so is an archive beyond the caps on number and size that hold for zip archives.

    Raises:
        GraftError: The archive is damaged, unsafe, too large or without that folder.
    """
    partial = target.with_name(f".{target.name}.partial")
    with one_at_a_time(target.parent):
        if target.is_dir():
            return
        shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
        try:
            _extract(archive, partial)
            if not (partial / target.name).is_dir():
                raise GraftError(f"'{archive}' holds no folder '{target.name}'. Remove it.")
            (partial / target.name).replace(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _extract(archive: Path, folder: Path) -> None:
    try:
        with tarfile.open(archive) as tar:
            for member in track(_within_caps(tar, archive), f"Unpacking {archive.name}"):
                _write(tar, member, folder)
    except (tarfile.TarError, zlib.error, EOFError, BadGzipFile) as error:
        raise GraftError(
            f"'{archive}' is damaged or unsafe ({error}). Remove it and run again."
        ) from error


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write a file or a folder, as far as it is one.

    The tarfile module can do it as safely by its filter "data", but not in Python 3.11.2, which
    Debian 12 has.

    Raises:
        TarError: It is something else, or it would leave the folder.
    """
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise tarfile.TarError(f"'{member.name}' would leave the folder")
    if member.isdir():
        (folder / name).mkdir(parents=True, exist_ok=True)
        return
    content = tar.extractfile(member) if member.isfile() else None
    if content is None:
        raise tarfile.TarError(f"'{member.name}' is neither a file nor a folder")
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    with content, (folder / name).open("wb") as file:
        shutil.copyfileobj(content, file)


def _within_caps(tar: tarfile.TarFile, archive: Path) -> Iterator[tarfile.TarInfo]:
    """The members, as long as their number and declared sizes are within bounds."""
    unpacked = 0
    for number, member in enumerate(tar, start=1):
        unpacked += member.size
        if number > MAX_ARCHIVE_MEMBERS:
            raise GraftError(f"'{archive}' has more than {MAX_ARCHIVE_MEMBERS} members: refused.")
        if member.size > MAX_FILE_BYTES or unpacked > MAX_ARCHIVE_BYTES:
            raise GraftError(
                f"'{archive}' would unpack to more than {MAX_FILE_BYTES} bytes a file or "
                f"{MAX_ARCHIVE_BYTES} bytes in all ('{member.name}'): refused."
            )
        yield member
