"""What a user sees in Kedro-Viz and in MLflow after a run, in headless Chromium."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from .browser import Browser, find_chromium
from .conftest import FinishedRun
from .project_copy import BIN, ProjectCopy

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATIENCE = 180  # seconds a server may take to start on a busy machine


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("needs Chromium or Chrome")
    browser = Browser(chromium, tmp_path / "profile")
    yield browser
    browser.close()


@contextmanager
def serving(project: ProjectCopy, *command: str) -> Iterator[str]:
    """Start a server at a free port, wait until it answers, and end it with all its children."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log = project.path / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [str(BIN / command[0]), *command[1:], f"--port={port}"],
            cwd=project.path,
            env=project.environment() | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_it_answers(server, url, log)
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=60)
        log.unlink()


def _wait_until_it_answers(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    started = time.monotonic()
    while True:
        try:
            urllib.request.urlopen(url, timeout=10)
            return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() - started < PATIENCE, log.read_text()
            time.sleep(0.3)


@pytest.fixture(scope="module")
def kedro_viz(finished: FinishedRun) -> Iterator[str]:
    with serving(finished.project, "kedro", "viz", "run", "--no-browser") as url:
        yield url


@pytest.fixture(scope="module")
def mlflow_ui(finished: FinishedRun) -> Iterator[str]:
    uri = f"--backend-store-uri={finished.project.tracking_uri}"
    with serving(finished.project, "mlflow", "ui", "--workers=1", uri) as url:
        yield url


def fetch(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def colours(screenshot: Path) -> int:
    """How many colours a picture has: a page that stayed empty has a handful."""
    with Image.open(screenshot) as picture:
        return len(picture.convert("RGB").getcolors(maxcolors=1 << 24) or ())
