"""A download is https, whole and right, or it does not exist."""

from __future__ import annotations

import hashlib
import io
import ssl
import urllib.request
from collections.abc import Callable
from http.client import HTTPMessage
from pathlib import Path
from urllib.error import URLError
from urllib.response import addinfourl

import pytest

from graft.errors import GraftError
from graft.images import download as module
from graft.images.download import download

CONTENT = b"sixty thousand images"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
URL = "https://images.example/archive.tar.gz"


class FakeServer(urllib.request.HTTPSHandler, urllib.request.HTTPHandler):
    """Answers instead of the network and notes which addresses were asked for."""

    def __init__(self, content: bytes = CONTENT, code: int = 200, location: str = "") -> None:
        super().__init__()
        self.content, self.code, self.location = content, code, location
        self.error: Exception | None = None
        self.asked: list[str] = []

    def https_open(self, req: urllib.request.Request) -> addinfourl:
        self.asked.append(req.full_url)
        if self.error is not None:
            raise self.error
        headers = HTTPMessage()
        headers["Location"] = self.location
        answer = addinfourl(io.BytesIO(self.content), headers, req.full_url, self.code)
        answer.msg = "an answer"
        return answer

    http_open = https_open


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeServer], FakeServer]:
    build_opener = urllib.request.build_opener

    def install(server: FakeServer) -> FakeServer:
        monkeypatch.setattr(
            urllib.request, "build_opener", lambda *handlers: build_opener(server, *handlers)
        )
        return server

    return install


def fetch(target: Path) -> None:
    download(URL, target, sha256=SHA256, size=len(CONTENT))


def test_the_file_arrives(serve: Callable[[FakeServer], FakeServer], tmp_path: Path) -> None:
    serve(FakeServer())
    fetch(tmp_path / "new" / "archive.tar.gz")
    assert (tmp_path / "new" / "archive.tar.gz").read_bytes() == CONTENT


@pytest.mark.parametrize("content", [b"something else", CONTENT[:-1], CONTENT + b"more"])
def test_other_content_is_refused_and_leaves_nothing(
    serve: Callable[[FakeServer], FakeServer], tmp_path: Path, content: bytes
) -> None:
    serve(FakeServer(content))
    with pytest.raises(GraftError, match="another content"):
        fetch(tmp_path / "archive.tar.gz")
    assert not list(tmp_path.iterdir())


def test_no_more_is_read_than_expected(
    serve: Callable[[FakeServer], FakeServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK_BYTES", 10)
    serve(FakeServer(bytes(10_000)))
    with pytest.raises(GraftError, match=r"\(30 bytes"):
        fetch(tmp_path / "archive.tar.gz")


def test_a_tls_failure_is_not_followed_by_http(
    serve: Callable[[FakeServer], FakeServer], tmp_path: Path
) -> None:
    server = FakeServer()
    server.error = URLError(ssl.SSLCertVerificationError("certificate verify failed"))
    serve(server)
    with pytest.raises(GraftError, match="certificate verify failed"):
        fetch(tmp_path / "archive.tar.gz")
    assert server.asked == [URL]


def test_a_redirect_to_http_is_not_followed(
    serve: Callable[[FakeServer], FakeServer], tmp_path: Path
) -> None:
    server = serve(FakeServer(code=302, location="http://images.example/archive.tar.gz"))
    with pytest.raises(GraftError, match="not https"):
        fetch(tmp_path / "archive.tar.gz")
    assert server.asked == [URL]


def test_an_http_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GraftError, match="not an https address"):
        download("http://images.example/a", tmp_path / "a", sha256=SHA256, size=1)
