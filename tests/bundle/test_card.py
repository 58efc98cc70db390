"""The card of a bundle repeats what was measured, and says what the model is not for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from graft.bundle import Bundle
from graft.bundle.card import bundle_card

from .making import CLASSES, network_bundle, svm_bundle

METRICS = {
    "accuracy": {"value": 0.912, "low": 0.905, "high": 0.919},
    "test_images": 999,
    "confidence": 0.95,
    "majority_class": "dog",
    "majority_baseline": 0.4,
    "class_names": list(CLASSES),
    "per_class": {"cat": {"accuracy": 0.8, "low": 0.7, "high": 0.9}},
}
DATA = {
    "source": "cifar10",
    "splits": {"train": 1234},
    "images_per_class": {"train": {"cat": 600, "dog": 627, "owl": 7}},
}
TRAINED = {
    "initial_weights": "resnet20.safetensors",
    "trained_epochs": 7,
    "epoch": 5,
    "seed": 3,
    "recipe": {"learning_rate": 0.2},
    "augmentation": {"policy": "none", "mixup": 0.0, "cutmix": 0.0},
}


def trained(bundle: Bundle) -> Bundle:
    network = bundle.network
    return replace(bundle, network=replace(network, metadata={**network.metadata, **TRAINED}))


def test_the_card_of_a_network_repeats_what_was_measured() -> None:
    bundle = trained(network_bundle(temperature=1.5, provenance={"git_commit": "abc"}))
    card = bundle_card(bundle, METRICS, DATA)
    for fact in (
        "# pets: fine-tuned",
        "one of 3 classes: cat, dog, owl",
        "16 × 16 pixels",
        "1,234 images; Krizhevsky",
        "91.20 % (90.50 % – 91.90 %), 999 images",
        "| always answering “dog” | 40.00 % of them |",
        "temperature 1.500, which was fitted on validation images",
        "learnt from few images: owl (7).",
        "| cat | 80.00 % | 70.00 % – 90.00 % |",
        "7 epochs from resnet20.safetensors, seed 3: learning_rate 0.2.",
        "* git commit: abc",
        'load_bundle("path/to/this/folder")',
    ):
        assert fact in card


def test_the_card_of_a_machine_tells_of_its_features() -> None:
    card = bundle_card(svm_bundle(), METRICS, DATA)
    for fact in ("features (pooled; grid 1)", "they are no probabilities", "kernel linear, C 10.0"):
        assert fact in card


@pytest.mark.parametrize("several", [False, True])
def test_a_card_has_no_gaps(several: bool) -> None:
    metrics: dict[str, Any] = METRICS
    if several:
        of_class = dict.fromkeys(("average_precision", "low", "high"))
        metrics = {
            "mean_average_precision": METRICS["accuracy"],
            "test_images": 9,
            "prevalence_baseline": 0.1,
            "class_names": list(CLASSES),
            "per_class": {"cat": of_class},
        }
    bundle = trained(network_bundle(thresholds=(0.5,) * 3 if several else None))
    card = bundle_card(bundle, metrics, DATA)
    assert "None" not in card
    assert ("mean average precision" in card) == several


def test_a_network_that_was_judged_on_one_class_says_so() -> None:
    binary = {**METRICS, "class_names": ["rest", "dog"], "positive_class": "dog"}
    card = bundle_card(trained(network_bundle()), binary, DATA)
    assert "| test accuracy, of “dog” or not |" in card
