"""A download is https, whole and right, or it does not exist; what has arrived is not lost."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import ssl
import subprocess
import threading
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPMessage, IncompleteRead
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.response import addinfourl

import pytest

from graft.errors import GraftError
from graft.images import download as module
from graft.images.download import RemoteFile, download, fetch

CONTENT = b"sixty thousand images"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
URL = "https://images.example/archive.tar.gz"
REMOTE = RemoteFile(URL, len(CONTENT), SHA256)


class BreakingStream(io.BytesIO):
    """A connection that fails after its content."""

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(size)
        if not chunk:
            raise IncompleteRead(b"", 1)
        return chunk


class FakeServer(urllib.request.HTTPSHandler, urllib.request.HTTPHandler):
    """Answers instead of the network and notes which addresses and ranges were asked for."""

    def __init__(self, content: bytes = CONTENT, code: int = 200, location: str = "") -> None:
        super().__init__()
        self.content, self.code, self.location = content, code, location
        self.error: Exception | None = None
        self.breaks_after: int | None = None
        self.knows_ranges = True
        self.announces: int | None = None
        self.asked: list[str] = []
        self.ranges: list[str | None] = []

    def https_open(self, req: urllib.request.Request) -> addinfourl:
        self.asked.append(req.full_url)
        self.ranges.append(req.get_header("Range"))
        if self.error is not None:
            raise self.error
        headers = HTTPMessage()
        headers["Location"] = self.location
        start, code = 0, self.code
        if self.knows_ranges and (wanted := re.fullmatch(r"bytes=(\d+)-", self.ranges[-1] or "")):
            start, code = int(wanted[1]), 206
            last, size = len(self.content) - 1, len(self.content)
            headers["Content-Range"] = f"bytes {start}-{last}/{size}"
        if self.announces is not None:
            headers["Content-Length"] = str(self.announces)
        body = self.content[start:]
        stream = io.BytesIO(body)
        if self.breaks_after is not None:
            stream = BreakingStream(body[: self.breaks_after])
        answer = addinfourl(stream, headers, req.full_url, code)
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


def test_the_file_arrives(serve: Callable[[FakeServer], FakeServer], tmp_path: Path) -> None:
    serve(FakeServer())
    download(REMOTE, tmp_path / "new" / "archive.tar.gz")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["archive.tar.gz"]
    assert (tmp_path / "new" / "archive.tar.gz").read_bytes() == CONTENT


@pytest.mark.parametrize("content", [CONTENT.upper(), CONTENT + b"more"])
def test_other_content_is_refused_and_leaves_nothing(
    serve: Callable[[FakeServer], FakeServer], tmp_path: Path, content: bytes
) -> None:
    serve(FakeServer(content))
    with pytest.raises(GraftError, match="another content"):
        download(REMOTE, tmp_path / "archive.tar.gz")
    assert not list(tmp_path.iterdir())


def test_a_page_instead_of_the_file_is_refused_before_it_is_read(
    serve: Callable[[FakeServer], FakeServer], tmp_path: Path
) -> None:
    """The log-in page of a hotel's network, for one."""
    serve(FakeServer(b"Welcome")).announces = 7
    with pytest.raises(GraftError, match="7 bytes instead of 21"):
        download(REMOTE, tmp_path / "archive.tar.gz")
    assert not list(tmp_path.iterdir())


def test_no_more_is_read_than_expected(
    serve: Callable[[FakeServer], FakeServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK_BYTES", 10)
    serve(FakeServer(bytes(10_000)))
    with pytest.raises(GraftError, match=r"\(30 bytes"):
        download(REMOTE, tmp_path / "archive.tar.gz")


def test_what_has_arrived_is_kept_and_gone_on_from(
    serve: Callable[[FakeServer], FakeServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK_BYTES", 4)
    server = serve(FakeServer())
    target = tmp_path / "archive.tar.gz"
    server.breaks_after = 8
    with pytest.raises(GraftError, match=r"8 of 21 bytes are kept .* run again"):
        download(REMOTE, target)
    assert not target.exists()
    assert (tmp_path / "archive.tar.gz.part").read_bytes() == CONTENT[:8]
    server.breaks_after = None
    download(REMOTE, target)
    assert server.ranges == [None, "bytes=8-"]
    assert target.read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["archive.tar.gz"]


def test_a_connection_that_just_ends_is_gone_on_from_as_well(
    serve: Callable[[FakeServer], FakeServer], tmp_path: Path
) -> None:
    server = serve(FakeServer(CONTENT[:9]))
    with pytest.raises(GraftError, match=r"broke off\. 9 of 21 bytes are kept"):
        download(REMOTE, tmp_path / "archive.tar.gz")
    server.content = CONTENT
    download(REMOTE, tmp_path / "archive.tar.gz")
    assert (tmp_path / "archive.tar.gz").read_bytes() == CONTENT


def test_a_server_that_knows_no_ranges_sends_everything_anew(
    serve: Callable[[FakeServer], FakeServer], tmp_path: Path
) -> None:
    (tmp_path / "archive.tar.gz.part").write_bytes(CONTENT[:5])
    serve(FakeServer()).knows_ranges = False
    download(REMOTE, tmp_path / "archive.tar.gz")
    assert (tmp_path / "archive.tar.gz").read_bytes() == CONTENT


@pytest.mark.parametrize("part", [b"other", CONTENT.upper(), CONTENT + b"more"])
def test_a_wrong_beginning_is_removed_so_that_the_next_call_is_right(
    serve: Callable[[FakeServer], FakeServer], tmp_path: Path, part: bytes
) -> None:
    (tmp_path / "archive.tar.gz.part").write_bytes(part)
    serve(FakeServer())
    with pytest.raises(GraftError, match="another content"):
        download(REMOTE, tmp_path / "archive.tar.gz")
    download(REMOTE, tmp_path / "archive.tar.gz")
    assert (tmp_path / "archive.tar.gz").read_bytes() == CONTENT


def test_a_whole_part_needs_no_network(tmp_path: Path) -> None:
    (tmp_path / "archive.tar.gz.part").write_bytes(CONTENT)
    download(REMOTE, tmp_path / "archive.tar.gz")
    assert (tmp_path / "archive.tar.gz").read_bytes() == CONTENT


def test_two_at_once_do_not_mix_their_bytes(
    serve: Callable[[FakeServer], FakeServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK_BYTES", 1)
    server = serve(FakeServer())
    target = tmp_path / "archive.tar.gz"
    threads = [threading.Thread(target=download, args=(REMOTE, target)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert target.read_bytes() == CONTENT
    assert len(server.asked) == 1


def test_a_tls_failure_is_not_followed_by_http(
    serve: Callable[[FakeServer], FakeServer], tmp_path: Path
) -> None:
    server = FakeServer()
    server.error = URLError(ssl.SSLCertVerificationError("certificate verify failed"))
    serve(server)
    with pytest.raises(GraftError, match="certificate verify failed"):
        download(REMOTE, tmp_path / "archive.tar.gz")
    assert server.asked == [URL]


def test_a_redirect_to_http_is_not_followed(
    serve: Callable[[FakeServer], FakeServer], tmp_path: Path
) -> None:
    server = serve(FakeServer(code=302, location="http://images.example/archive.tar.gz"))
    with pytest.raises(GraftError, match="not https"):
        download(REMOTE, tmp_path / "archive.tar.gz")
    assert server.asked == [URL]


def test_an_http_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GraftError, match="not an https address"):
        download(RemoteFile("http://images.example/a", 1, SHA256), tmp_path / "a")


def test_a_file_put_there_by_hand_is_held_to_the_checksum(tmp_path: Path) -> None:
    (tmp_path / "archive.tar.gz").write_bytes(CONTENT)
    assert fetch(REMOTE, tmp_path, "a folder") == tmp_path / "archive.tar.gz"
    (tmp_path / "archive.tar.gz").write_bytes(CONTENT.upper())
    with pytest.raises(GraftError, match=r"another content than https.* Remove it"):
        fetch(REMOTE, tmp_path, "a folder")


def test_without_a_network_the_message_says_what_to_put_where(
    serve: Callable[[FakeServer], FakeServer], tmp_path: Path
) -> None:
    serve(FakeServer()).error = URLError("no network")
    with pytest.raises(GraftError) as caught:
        fetch(REMOTE, tmp_path, "a folder of flowers")
    assert f"put it into '{tmp_path}', or set source.folder to a folder of flowers." in str(
        caught.value
    )


class RangeHandler(BaseHTTPRequestHandler):
    """Serves CONTENT, breaking off after eight bytes where no range is asked for."""

    def do_GET(self) -> None:
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-20/21")
        self.send_header("Content-Length", str(21 - start))
        self.end_headers()
        self.wfile.write(CONTENT[start:] if start else CONTENT[:8])

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody else has signed, with its key."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    path = tmp_path / "certificate.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(path), "-out", str(tmp_path / "public.pem")]
    subprocess.run([*command.split(), *names, *files], check=True, capture_output=True)
    path.write_text(path.read_text() + (tmp_path / "public.pem").read_text())
    return path


@pytest.fixture
def tls_server(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteFile]:
    """CONTENT as a file of a real server on the loopback device."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    server = HTTPServer(("127.0.0.1", 0), RangeHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield RemoteFile(f"https://127.0.0.1:{server.server_port}/file", len(CONTENT), SHA256)
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_real_server_is_gone_on_from(
    tls_server: RemoteFile, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with pytest.raises(GraftError, match="8 of 21 bytes are kept"):
        download(tls_server, tmp_path / "file")
    download(tls_server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_certificate_of_nobody_is_refused(tls_server: RemoteFile, tmp_path: Path) -> None:
    with pytest.raises(GraftError, match="certificate verify failed"):
        download(tls_server, tmp_path / "file")
    assert not (tmp_path / "file.part").exists()
