"""Calibration and diagnosis as nodes: on validation images, or without any."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from graft.compute import Compute
from graft.evaluation import Predictions
from graft.images.store import ImageStore
from graft.pipelines.evaluation import trust

EVALUATION = {"bootstrap_resamples": 20, "confidence": 0.95}
COMPUTE = {"device": "cpu", "precision": "fp32", "threads": 1}


@pytest.fixture
def checkpoint(store: ImageStore) -> Any:
    from graft.models.classifier import build_classifier
    from graft.training.checkpoint import make_checkpoint

    model = build_classifier(
        "resnet20_cifar", store.class_names, None, dataset_mean=(0.5,) * 3, dataset_std=(0.25,) * 3
    )
    return make_checkpoint(model, model.net.state_dict(), data=store.digest)


def without_validation(store: ImageStore) -> ImageStore:
    manifest = store.manifest.assign(split=store.manifest["split"].replace("validation", "train"))
    return ImageStore(store.images, manifest, store.class_names, store.source)


def test_only_validation_images_are_predicted(
    store: ImageStore, checkpoint: Any, cpu: Compute
) -> None:
    frame = trust.predict_validation(checkpoint, store, COMPUTE)
    assert frame["id"].tolist() == store.manifest["id"][store.indices("validation")].tolist()
    assert set(frame["method"]) == {"fine-tuned"}


def predicted(images: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, images)
    sure = rng.dirichlet([0.1] * 3, images)
    return Predictions("fine-tuned", np.arange(images), labels, sure, tuple("abc"), 0.1).to_frame()


def test_calibration_takes_certainty_from_guesses() -> None:
    found = trust.calibrate(predicted(200, seed=1), predicted(200, seed=2), EVALUATION, 0)
    assert found["temperature"] > 3
    before, after = (found[when]["ece"]["value"] for when in ("uncalibrated", "calibrated"))
    assert after < 0.3 < before


def test_without_validation_images_there_is_a_neutral_temperature(
    store: ImageStore, checkpoint: Any, cpu: Compute
) -> None:
    fewer = without_validation(store)
    checkpoint.metadata["data"] = fewer.digest
    empty = trust.predict_validation(checkpoint, fewer, COMPUTE)
    assert empty.empty
    found = trust.calibrate(empty, predicted(50, seed=0), EVALUATION, 0)
    assert (found["temperature"], found["validation_images"]) == (1.0, 0)


def history(train: float, validation: float) -> pd.DataFrame:
    row = {"train_accuracy": train, "validation_accuracy": validation, "validation_loss": 0.5}
    return pd.DataFrame([{"epoch": 1, **row}])


def test_each_training_is_diagnosed_against_the_validation_images(store: ImageStore) -> None:
    found = trust.diagnose(history(1.0, 0.6), history(0.3, 0.3), store, EVALUATION)
    verdicts = {method: row["verdict"] for method, row in found.items()}
    assert verdicts == {"fine-tuned": "over-fitting", "from scratch": "nothing learnt"}
    assert found["fine-tuned"]["baseline"] == pytest.approx(1 / 3)
    fewer = without_validation(store)
    found = trust.diagnose(history(1.0, np.nan), history(0.3, np.nan), fewer, EVALUATION)
    assert {row["verdict"] for row in found.values()} == {"unknown"}
    json.dumps(found, allow_nan=False)
