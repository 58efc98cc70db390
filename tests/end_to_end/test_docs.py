"""Every command that the README and the docs show does what they say."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ..images.labelled_files import write_manifest
from .project_copy import BIN, ROOT, TIMEOUT, ProjectCopy, free_port
from .warm_start import run_kedro

pytestmark = pytest.mark.slow

# In the order in which the commands build on each other.
PAGES = (
    *("README.md", "docs/own_images.md", "docs/running.md", "docs/training.md", "docs/probes.md"),
    *("docs/report.md", "docs/prediction.md", "docs/evaluation.md", "docs/distributed.md"),
    "docs/cluster.md",
)
# Commands that do not end, and the page that tells that they are at work.
SERVERS = {
    "kedro viz run": "/",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow ui": "/",
    "MLFLOW_TRACKING_URI=sqlite:///mlflow.db mlflow models serve": "/ping",
}
QUICK = """
training: {epochs: 1}
evaluation: {bootstrap_resamples: 100}
learning_curves: {seeds: 2, fractions: [0.1, 0.3], least_steps: 0}
backbone_selection: {images: 200}
learning_rate_finder: {steps: 20}
"""
CIFAR10 = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


def shown_commands() -> list[str]:
    """The lines of all bash blocks, each once, in the order in which a reader meets them."""
    found: dict[str, None] = {}
    for page in PAGES:
        for block in re.findall(r"```bash\n(.*?)```", (ROOT / page).read_text(), re.DOTALL):
            lines = block.replace("\\\n", " ").splitlines()
            found |= dict.fromkeys(line.split("  #")[0].strip() for line in lines)
    return [command for command in found if command]


COMMANDS = shown_commands()


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A project as somebody has it who does what the pages say, with one epoch a training."""
    path = tmp_path_factory.mktemp("reader")
    project = ProjectCopy.make(path, QUICK)
    for file in ("Makefile", "constraints.txt", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, path)
    for part, images in (("train", 4), ("test", 2)):
        for name in CIFAR10:
            draw_images(path / "cifar10" / part / name, images)
    rows = [{"path": f"beach/{k}.png", "label": ("cat", "dog")[k % 2]} for k in range(40)]
    write_manifest(path / "labels.csv", rows)
    # What `make` would install is this very environment.
    (path / ".venv").symlink_to(sys.prefix)
    return project


def draw_images(folder: Path, count: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(list(str(folder).encode()))
    for number in range(count):
        pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


def finish(command: str, project: ProjectCopy) -> subprocess.CompletedProcess[str]:
    """Run a shown command to its end; both its streams are in its stdout."""
    program, *arguments = shlex.split(command)
    if program == "kedro":
        return run_kedro(arguments, project.path, environment(project), TIMEOUT)
    return subprocess.run(
        command,
        shell=True,
        cwd=project.path,
        env=environment(project),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def environment(project: ProjectCopy) -> dict[str, str]:
    """As with `.venv` activated."""
    return {**project.environment(), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.parametrize("command", [c for c in COMMANDS if not c.startswith(tuple(SERVERS))])
def test_a_shown_command_ends_well(reader: ProjectCopy, command: str) -> None:
    if command.startswith("make"):
        # Without the installation; and `make test` would run this test again.
        command = f"{command} --old-file=.venv/.installed"
        command += " --dry-run" if "test" in command else ""
    process = finish(command, reader)
    if "folder=fashion" in command:  # nobody has these files here: it says which to put where
        assert process.returncode == 1, process.stdout
        assert "fashion" in process.stdout.splitlines()[-1]
        assert "Traceback" not in process.stdout
        return
    assert process.returncode == 0, process.stdout
    if command.startswith("mkdir"):
        for name in ("cat", "dog"):
            draw_images(reader.path / "photos" / name, 20)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith(tuple(SERVERS))])
def test_a_shown_server_answers(reader: ProjectCopy, command: str) -> None:
    port = free_port()
    page = next(page for server, page in SERVERS.items() if command.startswith(server))
    command = f"exec env {command} --port={port}"
    command += " --no-browser" if "viz" in command else ""
    server = subprocess.Popen(
        command,
        shell=True,
        cwd=reader.path,
        env=environment(reader),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert answers(f"http://127.0.0.1:{port}{page}", server)
    finally:
        with suppress(ProcessLookupError):  # it has ended by itself, which the assertion tells
            os.killpg(server.pid, 9)
        server.wait()


def answers(address: str, server: subprocess.Popen[bytes]) -> bool:
    """Whether the server answers before it ends or the patience does."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            time.sleep(0.5)
    return False


def test_the_pages_show_commands_at_all() -> None:
    assert "make run" in COMMANDS
    assert "make test" in COMMANDS
    assert len(COMMANDS) > 8


def test_no_other_page_shows_commands() -> None:
    others = {page.relative_to(ROOT).as_posix() for page in ROOT.glob("docs/*.md")} - set(PAGES)
    assert [page for page in others if "```bash" in (ROOT / page).read_text()] == []
