"""A served bundle has an answer for each image, also for a bad one."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from graft.bundle import Bundle, save_bundle
from graft.serving import ServedBundle

from .bundle.making import CLASSES, network_bundle, pictures, svm_bundle
from .end_to_end.project_copy import free_port
from .images.image_files import encode

FILES = [encode(pixels) for pixels in pictures(2)]
TEXTS = [base64.b64encode(file).decode() for file in FILES]
BAD = {
    "not base64": "~~~",
    "empty file": "",
    "not an image, or damaged in its head": base64.b64encode(b"no image").decode(),
}


def ask(bundle: Bundle, texts: list[str]) -> list[dict[str, Any]]:
    answers = ServedBundle(bundle).predict(pd.DataFrame({"image": texts}))
    json.dumps(answers, allow_nan=False)
    return answers


def test_each_image_gets_a_label_and_probabilities() -> None:
    bundle = network_bundle()
    expected = bundle.predict(FILES)
    answers = ask(bundle, [TEXTS[0], f"data:image/png;base64,{TEXTS[1]}"])
    assert [answer["label"] for answer in answers] == expected.labels
    for answer, row in zip(answers, expected.probabilities, strict=True):
        assert list(answer["probabilities"]) == list(CLASSES)
        np.testing.assert_allclose(list(answer["probabilities"].values()), row, rtol=1e-6)
        assert answer["error"] is None


def test_a_bad_image_gets_its_reason_and_spoils_no_other() -> None:
    answers = ask(network_bundle(), [*BAD.values(), TEXTS[0]])
    for answer, reason in zip(answers, BAD, strict=False):
        assert answer["error"].startswith(reason)
        assert answer["label"] is None
        assert answer["probabilities"] is None
    assert answers[-1]["error"] is None


def test_of_several_labels_an_answer_lists_them() -> None:
    bundle = network_bundle(thresholds=(0.0, 1.0, 0.0))
    good, bad = ask(bundle, [TEXTS[0], ""])
    assert good["labels"] == ["cat", "owl"]
    assert bad["labels"] is None


def test_a_machine_gives_scores_which_json_can_carry() -> None:
    bundle = svm_bundle(without_images_of="owl")
    (answer,) = ask(bundle, TEXTS[:1])
    assert set(answer) == {"label", "scores", "error"}
    assert answer["scores"]["owl"] is None  # minus infinity
    assert answer["scores"]["cat"] == pytest.approx(bundle.predict(FILES[0]).scores[0, 0])


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Bundle]:
    """A tracking store with two versions of a model: of one label an image, and of several."""
    import mlflow
    from mlflow import MlflowClient

    from graft.tracking.models import record_model

    folder = tmp_path_factory.mktemp("registry")
    uri, before = f"sqlite:///{folder / 'mlflow.db'}", mlflow.get_tracking_uri()
    bundle = network_bundle()
    save_bundle(folder / "one", bundle)
    save_bundle(folder / "several", network_bundle(thresholds=(0.0, 1.0, 0.0)))
    mlflow.set_tracking_uri(uri)
    try:
        experiment = MlflowClient().create_experiment("pets", (folder / "artifacts").as_uri())
        for name in ("one", "several"):
            with mlflow.start_run(experiment_id=experiment):
                record_model(folder / name, "pets")
    finally:
        mlflow.set_tracking_uri(before)
    return uri, bundle


@contextmanager
def served(uri: str, model: str) -> Iterator[str]:
    """The address of `mlflow models serve`, once it answers."""
    port = free_port()
    command = ["models", "serve", "-m", model, "--env-manager", "local", "-p", str(port)]
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", *command],
        env={
            **os.environ,
            "MLFLOW_TRACKING_URI": uri,
            "OMP_NUM_THREADS": "1",
            # MLflow starts uvicorn by its name.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 240
        while not _answers(f"{address}/ping"):
            assert server.poll() is None, "the server has ended"
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.5)
        yield address
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, 9)
        server.wait()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def post(address: str, request: dict[str, Any]) -> tuple[int, Any]:
    content = urllib.request.Request(
        f"{address}/invocations",
        json.dumps(request).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(content, timeout=120) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.slow
def test_mlflow_serves_a_registered_bundle_over_http(registered: tuple[str, Bundle]) -> None:
    uri, bundle = registered
    with served(uri, "models:/pets/1") as address:
        columns = {"columns": ["image"], "data": [[text] for text in TEXTS]}
        status, reply = post(address, {"dataframe_split": columns})
        assert status == 200
        assert reply["predictions"] == ask(bundle, TEXTS)

        records = [{"image": text} for text in (TEXTS[1], *BAD.values())]
        status, reply = post(address, {"dataframe_records": records})
        assert status == 200
        assert reply["predictions"] == ask(bundle, [TEXTS[1], *BAD.values()])

        status, reply = post(address, {"dataframe_records": [{"photo": TEXTS[0]}]})
        assert status == 400
        assert "image" in reply


@pytest.mark.slow
def test_a_registered_bundle_is_linked_to_its_run_and_holds_no_code(
    registered: tuple[str, Bundle],
) -> None:
    import mlflow
    from mlflow import MlflowClient

    uri, _ = registered
    client = MlflowClient(uri)
    versions = client.search_model_versions("name = 'pets'")
    assert {int(version.version) for version in versions} == {1, 2}
    for version in versions:
        assert client.get_run(version.run_id).info.status == "FINISHED"
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    try:
        folder = Path(mlflow.artifacts.download_artifacts("models:/pets/2"))
        model = mlflow.pyfunc.load_model("models:/pets/2")
        (answer,) = model.predict(pd.DataFrame({"image": TEXTS[:1]}))
    finally:
        mlflow.set_tracking_uri(before)
    assert not [path for path in folder.rglob("*") if path.suffix in (".py", ".pkl")]
    assert answer["labels"] == ["cat", "owl"]
