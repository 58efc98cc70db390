"""Headless Chromium through its own debugging protocol, over a pipe: no driver, no library.

The protocol: https://chromedevtools.github.io/devtools-protocol/. With `--remote-debugging-pipe`
Chromium reads commands from file descriptor 3 and answers on 4, JSON that ends in a zero byte.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
PATIENCE = 120  # seconds to wait for a page on a busy machine


def find_chromium() -> str | None:
    """Where Chromium or Chrome is, if it is installed."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for path in map(shutil.which, names) if path), None)


class Browser:
    """One browser with one page.

    Args:
        executable: What `find_chromium` has found.
        profile: A fresh folder for its user data.
        size: Width and height of the window in pixels.
        scale: Device pixels per pixel, for sharper screenshots.
    """

    def __init__(
        self, executable: str, profile: Path, size: tuple[int, int] = (1600, 1000), scale: float = 1
    ) -> None:
        its_input, self._commands = os.pipe()
        self._answers, its_output = os.pipe()

        def connect() -> None:
            # First out of the way: either may be 3 or 4 itself.
            reading, writing = os.dup(its_input), os.dup(its_output)
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        self._process = subprocess.Popen(
            [executable, *FLAGS, f"--user-data-dir={profile}"],
            preexec_fn=connect,
            pass_fds=(3, 4),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(its_input)
        os.close(its_output)
        self._buffer = b""
        self._last_id = 0
        self._session: str | None = None
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self._call("Page.enable")
        width, height = size
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=False,
        )

    def open(self, url: str, **local_storage: str) -> None:
        """Load a page whose local storage holds these values from the start."""
        items = json.dumps(local_storage)
        script = f"for (const [k, v] of Object.entries({items})) localStorage.setItem(k, v)"
        self._call("Page.addScriptToEvaluateOnNewDocument", source=script)
        self._call("Page.navigate", url=url)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = self._call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        return answer["result"].get("value")

    def wait_for(self, condition: str) -> None:
        """Wait until a JavaScript condition holds in the page."""
        started = time.monotonic()
        while not self.evaluate(f"Boolean({condition})"):
            if time.monotonic() - started > PATIENCE:
                raise TimeoutError(f"waited {PATIENCE} s for: {condition}\n{self.text()[:2000]}")
            time.sleep(0.2)

    def click(self, selector: str) -> None:
        """Click the first element that a CSS selector finds."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def prefer_dark(self) -> None:
        """Ask pages for their dark colours from now on."""
        dark = [{"name": "prefers-color-scheme", "value": "dark"}]
        self._call("Emulation.setEmulatedMedia", features=dark)

    def text(self) -> str:
        """All that can be read in the page."""
        return str(self.evaluate("document.body.innerText"))

    def screenshot(self, path: Path) -> Path:
        """The window as PNG."""
        png = self._call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(png))
        return path

    def close(self) -> None:
        self._session = None
        self._call("Browser.close")
        self._process.wait(timeout=30)
        os.close(self._commands)
        os.close(self._answers)

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._last_id += 1
        command: dict[str, Any] = {"id": self._last_id, "method": method, "params": params}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while True:
            message = self._next_message()
            if message.get("id") != self._last_id:
                continue  # an event, or a late answer
            if "error" in message:
                raise RuntimeError(f"{method}: {message['error']['message']}")
            return dict(message["result"])

    def _next_message(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], PATIENCE)
            if not ready:
                raise TimeoutError(f"Chromium has said nothing for {PATIENCE} s")
            chunk = os.read(self._answers, 1 << 20)
            if not chunk:
                raise RuntimeError(f"Chromium has ended with code {self._process.poll()}")
            self._buffer += chunk
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))
