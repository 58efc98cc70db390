"""Download one file over https against a pinned checksum, all or nothing."""

from __future__ import annotations

import hashlib
import logging
import tempfile
import urllib.request
from http.client import HTTPMessage
from pathlib import Path
from typing import IO
from urllib.error import URLError

from graft.errors import GraftError

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 30.0
CHUNK_BYTES = 2**20


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


def download(url: str, target: Path, *, sha256: str, size: int) -> None:
    """Fetch `url` into the file `target`, which appears only once it is complete and right.

    torchvision's own download is not used because it tries plain http when https fails.

    Args:
        url: An https address.
        target: Where the file goes; its folder is made.
        sha256: The file's checksum, hexadecimal.
        size: The file's size in bytes; nothing is read beyond it.

    Raises:
        GraftError: The address is not https or not reached, or the content is another.
    """
    if not url.startswith("https://"):
        raise GraftError(f"'{url}' is not an https address.")
    target.parent.mkdir(parents=True, exist_ok=True)
    logger.info("Downloading %s (%.0f MB).", url, size / 1e6)
    digest = hashlib.sha256()
    received = 0
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-") as folder:
        partial = Path(folder) / target.name
        try:
            with (
                _build_opener().open(url, timeout=TIMEOUT_SECONDS) as response,
                partial.open("wb") as file,
            ):
                while received <= size and (chunk := response.read(CHUNK_BYTES)):
                    received += len(chunk)
                    digest.update(chunk)
                    file.write(chunk)
        except OSError as error:  # URLError, a TLS failure and a timeout are all of them OSErrors
            reason = getattr(error, "reason", None) or error
            raise GraftError(f"'{url}' could not be downloaded: {reason}.") from error
        if digest.hexdigest() != sha256:
            raise GraftError(
                f"'{url}' has another content than expected ({received} bytes, sha256 "
                f"{digest.hexdigest()} instead of {sha256}): refused."
            )
        partial.replace(target)


def _build_opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_HttpsOnlyRedirects)
