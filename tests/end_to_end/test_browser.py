"""What a user sees in Kedro-Viz and in MLflow after a run, in headless Chromium."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from graft.pipeline_registry import register_pipelines

from .browser import Browser, find_chromium
from .conftest import FinishedRun
from .project_copy import BIN, ProjectCopy, free_port

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
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    log = project.path.parent / f"server-{port}.log"
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
        with suppress(ProcessLookupError):  # it has ended by itself
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


def kedro_viz_page(browser: Browser, url: str) -> None:
    browser.open(url, KedroViz=json.dumps({"showFeatureHints": False}))
    browser.wait_for("document.querySelector('.pipeline-node')")


def test_kedro_viz_shows_every_node_and_dataset_in_layers(
    kedro_viz: str, browser: Browser, tmp_path: Path
) -> None:
    shown = fetch(f"{kedro_viz}/api/pipelines/transfer_learning")
    names = {node["name"] for node in shown["nodes"] if node["type"] in ("task", "data")}
    kedro_viz_page(browser, f"{kedro_viz}/?pid=transfer_learning&expandAllPipelines=true")
    browser.wait_for(f"document.querySelectorAll('.pipeline-node').length >= {len(names)}")
    drawn = browser.evaluate(
        "[...document.querySelectorAll('.pipeline-node')].map(node => node.textContent)"
    )
    transfer_learning = register_pipelines()["transfer_learning"]
    assert names == set(drawn)
    assert names >= {node.short_name.rpartition(".")[2] for node in transfer_learning.nodes}
    assert names >= transfer_learning.all_outputs()
    # Without an order of the layers Kedro-Viz silently leaves them all out.
    layers = ["raw", "intermediate", "primary", "feature", "models", "model output", "reporting"]
    assert shown["layers"] == layers
    assert colours(browser.screenshot(tmp_path / "kedro_viz.png")) > 100


@pytest.mark.parametrize("pipeline", ["transfer_learning", "pretraining"])
def test_kedro_viz_finds_an_order_of_the_layers(kedro_viz: str, pipeline: str) -> None:
    assert fetch(f"{kedro_viz}/api/pipelines/{pipeline}")["layers"]


def test_kedro_viz_previews_every_result(kedro_viz: str) -> None:
    nodes = fetch(f"{kedro_viz}/api/pipelines/transfer_learning")["nodes"]
    results = {
        node["name"]: fetch(f"{kedro_viz}/api/nodes/{node['id']}")
        for node in nodes
        if node["type"] == "data" and (node["dataset_type"] or "").startswith("datasets.")
    }
    only_read = {"source_images", "pretrained_weights", "feature_cache", "run_origin"}
    only_read |= {"training_state", "scratch_state"}
    assert {name for name, result in results.items() if not result.get("preview")} == only_read


def test_kedro_viz_opens_a_figure(kedro_viz: str, browser: Browser, tmp_path: Path) -> None:
    nodes = fetch(f"{kedro_viz}/api/pipelines/transfer_learning")["nodes"]
    (figure,) = [node["id"] for node in nodes if node["name"] == "network_confusion_matrix"]
    kedro_viz_page(browser, f"{kedro_viz}/?pid=transfer_learning&sid={figure}")
    browser.wait_for("document.querySelector('.pipeline-metadata img')?.naturalWidth > 300")
    assert colours(browser.screenshot(tmp_path / "figure.png")) > 100


def test_the_report_is_complete_in_one_file(
    finished: FinishedRun, browser: Browser, tmp_path: Path
) -> None:
    """Opened from the disk, in light and in dark: every picture is there, nothing overflows."""
    (report,) = (finished.project.path / "data/08_reporting").rglob("report.html/*/report.html")
    browser.open(report.as_uri())
    browser.wait_for("document.readyState === 'complete'")
    pictures = "[...document.images].filter(image => image.naturalWidth > 100).length"
    browser.wait_for(f"{pictures} === document.images.length")
    assert browser.evaluate("document.images.length") >= 15
    assert browser.evaluate("performance.getEntriesByType('resource').filter(entry => "
                            "!entry.name.startsWith('data:')).length") == 0  # fmt: skip
    widths = browser.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert widths[0] <= widths[1]
    headings = browser.evaluate("[...document.querySelectorAll('h2')].map(h => h.textContent)")
    assert headings == [
        "Results", "Errors to look at", "Network", "Data", "Configuration", "Make it again",
    ]  # fmt: skip
    paper = "getComputedStyle(document.body).backgroundColor"
    light = browser.evaluate(paper)
    browser.prefer_dark()
    assert browser.evaluate(paper) != light
    assert colours(browser.screenshot(tmp_path / "report.png")) > 100


def mlflow_page(browser: Browser, url: str, *shown: str) -> None:
    """Open a page in MLflow's mode for training and wait until it shows all these words."""
    browser.open(url, **{"mlflow.workflowType_v1": '"machine_learning"'})
    for words in shown:
        browser.wait_for(f"document.body.innerText.includes({json.dumps(words)})")


def test_mlflow_lists_the_run_with_its_images(
    finished: FinishedRun, mlflow_ui: str, browser: Browser, tmp_path: Path
) -> None:
    (run,) = finished.project.runs()
    page = f"{mlflow_ui}/#/experiments/{run.info.experiment_id}/runs"
    # The address that a run prints at its end.
    assert page.rpartition("/#")[2] in finished.output
    (images,) = run.inputs.dataset_inputs
    mlflow_page(
        browser, f"{page}?workflowType=machine_learning", f"digits ({images.dataset.digest})"
    )
    assert "1 matching run" in " ".join(browser.text().split())
    assert colours(browser.screenshot(tmp_path / "mlflow.png")) > 100


def test_mlflow_draws_the_curves_of_the_run(
    finished: FinishedRun, mlflow_ui: str, browser: Browser, tmp_path: Path
) -> None:
    (run,) = finished.project.runs()
    page = f"{mlflow_ui}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
    mlflow_page(browser, f"{page}/model-metrics", "fine-tuned", "train_loss")
    browser.wait_for("document.querySelector('.js-plotly-plot')")
    assert colours(browser.screenshot(tmp_path / "curves.png")) > 100
