"""The image files under a folder or inside a zip archive, seen the same way.

Nothing is extracted: members of an archive are read in memory, after checks on their names,
number and sizes.
"""

from __future__ import annotations

import logging
import os
import stat
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from graft.errors import GraftError

logger = logging.getLogger(__name__)

MAX_FILE_BYTES = 256 * 2**20
MAX_ARCHIVE_BYTES = 64 * 2**30  # of all members together, unpacked
MAX_ARCHIVE_MEMBERS = 2_000_000

# Formats that Pillow names but does not decode, and EPS, for which it starts Ghostscript on a file
# that may come from anywhere.
UNDECODABLE_FORMATS = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"})


@dataclass(frozen=True, eq=False)
class FileTree:
    """Image files by their POSIX paths relative to a root.

    Attributes:
        root: The folder or the archive.
        files: Paths of the image files, sorted.
        folders: Paths of all folders, with or without images; the root itself is "".
        read: From a path to the file's bytes; raises OSError or zipfile's errors. Safe to call
            from several threads.
        state: From a path to a cheap sign that changes with the file's content: "size:mtime_ns" of
            a file (see `file_state`), "size:crc32" of a zip's member.
    """

    root: Path
    files: tuple[str, ...]
    folders: frozenset[str]
    read: Callable[[str], bytes]
    state: Callable[[str], str]

    def subfolders(self, folder: str) -> list[str]:
        """Names of the folders directly inside `folder`, sorted."""
        inside = (path for path in self.folders if path and _parent(path) == folder)
        return sorted(PurePosixPath(path).name for path in inside)

    def loose_files(self, folder: str) -> list[str]:
        """Paths of the image files directly inside `folder`, sorted."""
        return [path for path in self.files if _parent(path) == folder]


def scan_tree(path: Path, named_by: str = "source.folder") -> FileTree:
    """Find the image files under a folder or in a `.zip`.

    A file counts as an image by its extension, in capitals or not, if Pillow decodes the format.
    Hidden files and folders (and `__MACOSX`) are passed over. Symbolic links to folders are not
    followed, because a loop would list every image many times; links to files are read.

    Args:
        path: The folder or the archive.
        named_by: The parameter that names it, for messages.

    Raises:
        GraftError: The path does not exist, is neither folder nor zip, holds no image, or is an
            archive with unsafe names or beyond the caps on number and size.
    """
    if path.is_dir():
        tree = _scan_folder(path)
    elif path.is_file() and zipfile.is_zipfile(path):
        tree = _scan_zip(path)
    elif path.exists():
        raise GraftError(f"'{path}' is neither a folder nor a zip archive of images.")
    else:
        raise GraftError(f"'{path}' does not exist. Set {named_by} to the folder of images.")
    if not tree.files:
        raise GraftError(
            f"'{path}' holds no image file, such as .png or .jpg. Set {named_by} to the folder of "
            "images."
        )
    return tree


def readable_extensions() -> frozenset[str]:
    """File name extensions, small letters with the dot, of every format that Pillow decodes."""
    from PIL import Image

    decoded = readable_formats()
    extensions = Image.registered_extensions().items()
    return frozenset(extension for extension, name in extensions if name in decoded)


@cache
def readable_formats() -> tuple[str, ...]:
    """Names of the formats that Pillow decodes by itself, PNG and JPEG first.

    Pillow tries them in this order on every file, so the order is one of speed.
    """
    from PIL import Image

    Image.init()
    usual = [name for name in ("PNG", "JPEG") if name in Image.OPEN]
    return (*usual, *sorted(set(Image.OPEN) - UNDECODABLE_FORMATS - set(usual)))


def read_file(path: Path) -> bytes:
    """The bytes of an ordinary file; a pipe or a device would block or never end.

    Raises:
        OSError: There is no such file, or it is larger than `MAX_FILE_BYTES`.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError("not an ordinary file")
    if status.st_size > MAX_FILE_BYTES:
        raise OSError(f"{status.st_size} bytes, more than {MAX_FILE_BYTES}")
    return path.read_bytes()


def file_state(path: str | Path) -> str:
    """The file's "size:mtime_ns", without reading it; "" where there is no file to be seen."""
    try:
        status = os.stat(path)
    except OSError:
        return ""
    return f"{status.st_size}:{status.st_mtime_ns}"


def _scan_folder(root: Path) -> FileTree:
    extensions = readable_extensions()
    locations: dict[str, Path] = {}
    folders = {""}
    links: list[str] = []
    ignored = 0

    def refuse(error: OSError) -> None:
        raise GraftError(f"The folder '{error.filename}' cannot be listed: {error.strerror}.")

    for location, folder_names, file_names in os.walk(root, onerror=refuse):
        here = Path(location)
        folder_names[:] = sorted(name for name in folder_names if not _is_hidden(name))
        links += [str(here / name) for name in folder_names if (here / name).is_symlink()]
        folder_names[:] = [name for name in folder_names if not (here / name).is_symlink()]
        folders.update(_printable((here / name).relative_to(root)) for name in folder_names)
        visible = [name for name in file_names if not _is_hidden(name)]
        images = [name for name in visible if _extension(name) in extensions]
        ignored += len(visible) - len(images)
        locations.update(
            {_printable((here / name).relative_to(root)): here / name for name in images}
        )

    if links:
        logger.warning("Symbolic links to folders are not followed: %s.", ", ".join(links))
    _report_ignored(root, ignored)
    return FileTree(
        root,
        tuple(sorted(locations)),
        frozenset(folders),
        read=lambda path: read_file(locations[path]),
        state=lambda path: file_state(locations[path]),
    )


def _scan_zip(root: Path) -> FileTree:
    try:
        archive = zipfile.ZipFile(root)
    except (zipfile.BadZipFile, OSError) as error:
        raise GraftError(f"The archive '{root}' cannot be read: {error}.") from error
    members = {_member_path(m): m for m in archive.infolist()}
    members = {path: member for path, member in members.items() if not _is_hidden_path(path)}
    _check_members(root, members)

    extensions = readable_extensions()
    files = {path for path, member in members.items() if not member.is_dir()}
    images = {path for path in files if _extension(path) in extensions}
    _report_ignored(root, len(files) - len(images))
    ancestors = {str(p) for path in members for p in PurePosixPath(path).parents} - {"."}
    folders = {"", *ancestors, *(members.keys() - files)}
    lock = threading.Lock()

    def read(path: str) -> bytes:
        with lock:  # zipfile promises nothing to threads; decoding, the long part, is outside
            return archive.read(members[path])

    def state(path: str) -> str:
        return f"{members[path].file_size}:{members[path].CRC:08x}"

    return FileTree(root, tuple(sorted(images)), frozenset(folders), read, state)


def _check_members(root: Path, members: dict[str, zipfile.ZipInfo]) -> None:
    """Refuse names that leave the archive and zip bombs, by what the directory declares.

    zipfile never unpacks more of a member than is declared, so the declared sizes are a bound.
    """
    if len(members) > MAX_ARCHIVE_MEMBERS:
        raise GraftError(
            f"The archive '{root}' has {len(members)} members, more than {MAX_ARCHIVE_MEMBERS}."
        )
    for path, member in members.items():
        if path.startswith("/") or ".." in PurePosixPath(path).parts:
            raise GraftError(f"The archive '{root}' has an unsafe member '{path}'.")
        if member.file_size > MAX_FILE_BYTES:
            raise GraftError(
                f"The archive '{root}': member '{path}' would unpack to "
                f"{member.file_size} bytes, more than {MAX_FILE_BYTES}."
            )
    unpacked = sum(member.file_size for member in members.values())
    if unpacked > MAX_ARCHIVE_BYTES:
        raise GraftError(
            f"The archive '{root}' would unpack to {unpacked} bytes, more than "
            f"{MAX_ARCHIVE_BYTES}. If you trust it, unpack it yourself and name the folder."
        )


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _extension(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _member_path(member: zipfile.ZipInfo) -> str:
    """The member's name without a trailing "/" or "./"; some Windows tools write backslashes."""
    return str(PurePosixPath(member.filename.replace("\\", "/")))


def _is_hidden_path(path: str) -> bool:
    return any(_is_hidden(part) for part in PurePosixPath(path).parts if part != "..")


def _printable(path: Path) -> str:
    """The path with "/" between its parts; bytes that are no UTF-8 are written as escapes.

    Such a name could not be saved in a table.
    """
    return path.as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _report_ignored(root: Path, ignored: int) -> None:
    if ignored:
        logger.info("%d files under '%s' have no image extension: ignored.", ignored, root)
