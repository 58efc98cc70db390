"""Download one file over https against a pinned checksum: whole and right, or not there.

What has arrived of a file waits beside its target as `<name>.part`, so that a download of hours
that breaks off goes on where it ended.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO
from urllib.error import URLError

from graft.errors import GraftError
from graft.progress import track

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 30.0
CHUNK_BYTES = 10**6  # progress counts chunks, which are megabytes then


@dataclass(frozen=True)
class RemoteFile:
    """A file on the network, and what it has to be.

    Attributes:
        url: An https address; its last part is the file's name.
        size: In bytes; nothing is read beyond it.
        sha256: The checksum, hexadecimal.
    """

    url: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The file's name."""
        return self.url.rpartition("/")[2]


class _HttpsOnlyRedirects(urllib.request.HTTPRedirectHandler):
    """Without it, urllib follows a redirect from https to http."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if not newurl.startswith("https://"):
            raise URLError(f"redirected to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(remote: RemoteFile, folder: Path, instead: str) -> Path:
    """The file's place in `folder`, where it is downloaded to unless it lies there already.

    A file that lies there, perhaps put there by hand, has to have the checksum as well.

    Args:
        remote: The file.
        folder: Where it goes.
        instead: What `source.folder` may name instead of a download, for the message.

    Raises:
        GraftError: There is no network, or the content is another.
    """
    target = folder / remote.name
    if target.is_file():
        if _sha256(target) != remote.sha256:
            raise GraftError(
                f"'{target}' has another content than {remote.url}. Remove it and run again."
            )
        return target
    try:
        download(remote, target)
    except GraftError as error:
        raise GraftError(
            f"{error} Where there is no network, fetch the file elsewhere and put it into "
            f"'{folder}', or set source.folder to {instead}."
        ) from error
    return target


def download(remote: RemoteFile, target: Path) -> None:
    """Fetch a file into `target`, which appears only once it is complete and right.

    torchvision's own download is not used because it tries plain http when https fails.

    Args:
        remote: The file.
        target: Where it goes; its folder is made. If another process is at it, this one waits.

    Raises:
        GraftError: The address is not https or not reached, the connection breaks off (then the
            next call goes on from there), or the content is another.
    """
    if not remote.url.startswith("https://"):
        raise GraftError(f"'{remote.url}' is not an https address.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(target.parent):
        if target.is_file():
            return
        part = target.with_name(f"{target.name}.part")
        _receive(remote, part)
        found = _sha256(part)
        if found != remote.sha256:
            size = part.stat().st_size
            part.unlink()
            raise GraftError(
                f"'{remote.url}' has another content than expected ({size} bytes, sha256 "
                f"{found} instead of {remote.sha256}): refused."
            )
        part.replace(target)


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Let others that want to fill `folder` wait, where the system can: two would mix their bytes.

    Many jobs of a cluster may start with the same data folder, still empty.
    """
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems lock no folders
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _receive(remote: RemoteFile, part: Path) -> None:
    """Add to `part` what it still lacks."""
    start = part.stat().st_size if part.is_file() else 0
    if start >= remote.size:
        return
    logger.info(
        "Downloading %s (%.0f MB, of which %.0f are here).",
        remote.url,
        remote.size / 1e6,
        start / 1e6,
    )
    headers = {"Range": f"bytes={start}-"} if start else {}
    request = urllib.request.Request(remote.url, headers=headers)
    try:
        with _build_opener().open(request, timeout=TIMEOUT_SECONDS) as response:
            first, announced = _extent(response.headers)
            if announced not in (None, remote.size):
                raise GraftError(
                    f"'{remote.url}' has another content than expected ({announced} bytes instead "
                    f"of {remote.size}): refused."
                )
            # A server that knows no ranges sends everything again.
            start = start if first == start else 0
            with part.open("ab" if start else "wb") as file:
                received = start
                chunks = iter(partial(response.read, CHUNK_BYTES), b"")
                total = -(-(remote.size - start) // CHUNK_BYTES)
                for chunk in track(chunks, f"Downloading {remote.name} (MB)", total):
                    received += file.write(chunk)
                    if received > remote.size:
                        break
    except (OSError, HTTPException) as error:  # URLError, TLS failures, timeouts are OSErrors
        reason = getattr(error, "reason", None) or error
        raise GraftError(
            f"'{remote.url}' could not be downloaded: {reason}.{_describe_rest(remote, part)}"
        ) from error
    if received < remote.size:
        raise GraftError(f"'{remote.url}' broke off.{_describe_rest(remote, part)}")


def _extent(headers: HTTPMessage) -> tuple[int, int | None]:
    """Where in the file an answer begins, and how long the whole file is, if the server says so."""
    ranged = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", ""))
    if ranged:
        return int(ranged[1]), None if ranged[2] == "*" else int(ranged[2])
    length = headers.get("Content-Length")
    return 0, None if length is None else int(length)


def _describe_rest(remote: RemoteFile, part: Path) -> str:
    kept = part.stat().st_size if part.is_file() else 0
    if not kept:
        return ""
    return f" {kept} of {remote.size} bytes are kept in '{part}': run again to go on from there."


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _build_opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_HttpsOnlyRedirects)
