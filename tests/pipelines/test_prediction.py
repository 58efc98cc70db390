"""From a trained classifier to a bundle, and from a folder of any files to predictions."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graft.bundle import Bundle
from graft.compute import Compute
from graft.errors import GraftError
from graft.evaluation.metrics import classification_metrics
from graft.evaluation.predictions import Predictions
from graft.images.card import dataset_card
from graft.images.file_tree import scan_tree
from graft.images.store import ImageStore
from graft.pipelines.bundle import nodes as bundling
from graft.pipelines.evaluation.nodes import (
    predict_finetuned,
    predict_linear_probe,
    predict_svm,
)
from graft.pipelines.feature_extraction.nodes import extract
from graft.pipelines.methods import FINETUNED, LINEAR_PROBE, SVM
from graft.pipelines.prediction import nodes
from graft.probes.linear_probe import LinearProbeRecipe, fit_linear_probe
from graft.probes.svm import SVMRecipe, fit_svm
from graft.training.checkpoint import Checkpoint, make_checkpoint

from ..bundle.making import network_bundle
from ..conftest import CLASSES
from ..images.image_files import encode

COMPUTE = {"device": "cpu", "precision": "fp32", "threads": 1}
MODEL: dict[str, Any] = {
    "backbone": "basic_cnn",
    "weights": "none",
    "options": {},
    "input_size": 8,
    "normalisation": "auto",
    "freezing": "none",
    "head_hidden": None,
    "head_dropout": 0.5,
    "lora_rank": None,
    "lora_alpha": 1.0,
}
IMAGES = {"size": 8, "max_pixels": 10_000}
ORIGIN: dict[str, Any] = {
    "experiment": "noise",
    "command": "kedro run",
    "git_commit": None,
    "versions": {"torch": "2"},
}


def metrics_of(frame: Any, method: str) -> dict[str, Any]:
    predictions = Predictions.from_frame(frame)
    return {method: classification_metrics(predictions, resamples=20, confidence=0.95, seed=0)}


def card_of(store: ImageStore) -> dict[str, Any]:
    return {**dataset_card(store), "source": "digits"}  # one that is registered


def checkpoint_for(store: ImageStore, seed: int = 0) -> Checkpoint:
    from graft.pipelines.from_parameters import classifier_from_parameters

    model = classifier_from_parameters(store, card_of(store), None, MODEL, seed).eval()
    return make_checkpoint(
        model,
        model.net.state_dict(),
        data=store.digest,
        seed=seed,
        initial_weights="none",
        trained_epochs=0,
        epoch=0,
        recipe={},
        augmentation={"policy": "none", "mixup": 0.0, "cutmix": 0.0},
    )


def write_test_images(store: ImageStore, folder: Path) -> None:
    """As files, called by their rows in the store."""
    for row in store.indices("test"):
        (folder / f"{row:02d}.png").write_bytes(encode(store.images[row]))


def bundle_of_network(store: ImageStore) -> tuple[Bundle, Any]:
    checkpoint = checkpoint_for(store)
    predictions = predict_finetuned(checkpoint, store, COMPUTE)
    bundle = bundling.bundle_network(
        checkpoint,
        store,
        predictions,
        {"method": FINETUNED, "temperature": 1.0},
        metrics_of(predictions, FINETUNED),
        card_of(store),
        ORIGIN,
        IMAGES,
        COMPUTE,
    )
    return bundle, predictions


def bundle_of_probe(store: ImageStore, fit: Any, predict: Any, method: str) -> tuple[Bundle, Any]:
    card, taps = card_of(store), {"taps": ["pooled"], "grid": 1, "batch_size": None}
    features = extract(store, card, None, None, MODEL, taps, COMPUTE, 0)
    train = features.of("train")
    fitted = fit(train.matrix, train.labels, CLASSES)
    fitted = replace(fitted, metadata={**fitted.metadata, "data": store.digest})
    predictions = predict(fitted, features, store)
    metrics = metrics_of(predictions, method)
    return bundling.bundle_probe(
        fitted,
        None,
        store,
        predictions,
        metrics,
        card,
        ORIGIN,
        MODEL,
        taps,
        IMAGES,
        COMPUTE,
        0,
    ), predictions


def bundle_of_machine(store: ImageStore) -> tuple[Bundle, Any]:
    recipe = SVMRecipe(kernel="linear", C=1.0)
    fit = partial(fit_svm, recipe=recipe, seed=0)
    return bundle_of_probe(store, fit, predict_svm, SVM)


def bundle_of_linear_probe(store: ImageStore) -> tuple[Bundle, Any]:
    fit = partial(fit_linear_probe, recipe=LinearProbeRecipe(C=0.1), seed=0)
    return bundle_of_probe(store, fit, predict_linear_probe, LINEAR_PROBE)


@pytest.mark.parametrize("make", [bundle_of_network, bundle_of_machine, bundle_of_linear_probe])
def test_a_bundle_predicts_of_files_what_was_evaluated(
    store: ImageStore, tmp_path: Path, cpu: Compute, make: Any
) -> None:
    bundle, evaluated = make(store)
    write_test_images(store, tmp_path)
    found = nodes.predict(scan_tree(tmp_path), bundle, COMPUTE)
    kind = "probability_" if bundle.probabilistic else "score_"
    for name in store.class_names:
        np.testing.assert_allclose(found[kind + name], evaluated[f"score_{name}"], atol=1e-4)
    assert found["label"].tolist() == evaluated["predicted"].tolist()
    assert bundle.provenance["data"] == store.digest
    assert "# noise" in bundle.card


def test_parts_of_another_run_make_no_bundle(store: ImageStore, cpu: Compute) -> None:
    _, predictions = bundle_of_network(store)
    other = predictions.assign(**{"score_red": 0.0, "score_green": 0.0, "score_blue": 1.0})
    with pytest.raises(GraftError, match="otherwise than"):
        bundling.bundle_network(
            checkpoint_for(store),
            store,
            other,
            {"method": FINETUNED, "temperature": 1.0},
            metrics_of(predictions, FINETUNED),
            card_of(store),
            ORIGIN,
            IMAGES,
            COMPUTE,
        )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images, and what else people have in their folders."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (2, 40, 30, 3), dtype=np.uint8)
    (tmp_path / "trip").mkdir()
    (tmp_path / "1.png").write_bytes(encode(pixels[0]))
    (tmp_path / "trip/2.jpg").write_bytes(encode(pixels[1], "JPEG"))
    (tmp_path / "torn.png").write_bytes(encode(pixels[0])[:500])
    (tmp_path / "empty.gif").write_bytes(b"")
    (tmp_path / "text.jpeg").write_text("no picture")
    (tmp_path / "notes.txt").write_text("not listed")
    return tmp_path


def test_a_folder_with_bad_images_is_predicted_and_they_are_listed(
    folder: Path, caplog: pytest.LogCaptureFixture, cpu: Compute
) -> None:
    with caplog.at_level(logging.INFO):
        predictions = nodes.predict(scan_tree(folder), network_bundle(), COMPUTE)
    assert predictions["id"].tolist() == [
        "1.png",
        "empty.gif",
        "text.jpeg",
        "torn.png",
        "trip/2.jpg",
    ]
    usable = predictions["error"] == ""
    assert predictions.loc[usable, "id"].tolist() == ["1.png", "trip/2.jpg"]
    assert (predictions.loc[~usable, "label"] == "").all()
    assert "3 of 5 images could not be used" in caplog.text
    assert "empty.gif: empty file" in caplog.text
    figure = nodes.draw_predicted_images(scan_tree(folder), network_bundle(), predictions)
    assert sum(bool(axes.images) for axes in figure.axes) == 2


def test_where_no_image_can_be_used_all_is_written_the_same(tmp_path: Path, cpu: Compute) -> None:
    (tmp_path / "1.png").write_bytes(b"")
    predictions = nodes.predict(scan_tree(tmp_path), network_bundle(), COMPUTE)
    submission = {"id_column": "id", "id": "stem", "label_column": "label", "label_separator": " "}
    assert nodes.write_submission(predictions, {"submission": submission}).empty
    figure = nodes.draw_predicted_images(scan_tree(tmp_path), network_bundle(), predictions)
    assert "none of the 1 images" in figure.texts[0].get_text()
