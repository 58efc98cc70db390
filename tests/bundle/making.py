"""Small bundles: of an untrained network, and of a machine on its features."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from graft.bundle import Bundle, Probe, Transform
from graft.compute import Compute
from graft.models.classifier import build_classifier
from graft.probes.linear_probe import LinearProbeRecipe, fit_linear_probe
from graft.probes.svm import SVMRecipe, fit_svm
from graft.training.checkpoint import make_checkpoint

CLASSES = ("cat", "dog", "owl")
CPU = Compute("cpu", "fp32", 1)


def network_bundle(**changes: Any) -> Bundle:
    """A ResNet-20 for images of 16 pixels with random weights."""
    model = build_classifier(
        "resnet20_cifar", CLASSES, None, dataset_mean=[0.5] * 3, dataset_std=[0.25] * 3
    ).eval()
    settings: dict[str, Any] = {
        "name": "pets",
        "method": "fine-tuned",
        "transform": Transform(size=16, max_pixels=10_000),
        "network": make_checkpoint(model, model.net.state_dict(), seed=3),
        "class_names": CLASSES,
        "provenance": {"seed": 3},
        "card": "# Pets\n",
        "compute": CPU,
    }
    return Bundle(**{**settings, **changes})


def svm_bundle(
    kernel: Literal["linear", "rbf"] = "linear",
    without_images_of: str | None = None,
    **changes: Any,
) -> Bundle:
    """The same network's pooled features, and a machine fitted to random ones."""
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(30, 64)).astype(np.float32), np.arange(30) % 3
    if without_images_of is not None:
        labels[labels == CLASSES.index(without_images_of)] = 0
    svm = fit_svm(features, labels, CLASSES, SVMRecipe(kernel=kernel), seed=0)
    return network_bundle(probe=Probe(svm, ("pooled",), 1), method="SVM", **changes)


def linear_probe_bundle(several: bool = False) -> Bundle:
    """The same network's pooled features, and a linear probe fitted to random ones."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(30, 64)).astype(np.float32)
    labels = (rng.random((30, 3)) < 0.5).astype(np.int8) if several else np.arange(30) % 3
    probe = fit_linear_probe(features, labels, CLASSES, LinearProbeRecipe(C=0.1), seed=0)
    thresholds = (0.5,) * 3 if several else None
    return network_bundle(
        probe=Probe(probe, ("pooled",), 1), method="linear probe", thresholds=thresholds
    )


def pictures(count: int, size: int = 16) -> np.ndarray:
    """Noise, uint8 (N, S, S, 3)."""
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (count, size, size, 3), dtype=np.uint8)
