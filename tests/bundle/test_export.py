"""What is exported answers as the bundle does, for any number of images."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch

from graft.bundle import Bundle
from graft.bundle.export import export_network
from graft.errors import GraftError
from graft.images.conversion import to_float
from graft.models.classifier import build_classifier
from graft.training.checkpoint import make_checkpoint

from .making import CLASSES, network_bundle, pictures, svm_bundle

PIXELS = pictures(5)
IMAGES = to_float(torch.from_numpy(PIXELS).permute(0, 3, 1, 2).contiguous())


def resizing_bundle(**changes: Any) -> Bundle:
    """A small network that resizes its images from 16 to 24 pixels."""
    model = build_classifier(
        "basic_cnn",
        CLASSES,
        None,
        dataset_mean=[0.5] * 3,
        dataset_std=[0.25] * 3,
        input_size=24,
    ).eval()
    network = make_checkpoint(model, model.net.state_dict())
    return network_bundle(network=network, temperature=1.5, **changes)


@pytest.mark.slow
@pytest.mark.parametrize("thresholds", [None, (0.5, 0.5, 0.5)], ids=["one label", "several"])
def test_a_torch_program_gives_the_probabilities_of_the_bundle(thresholds: Any) -> None:
    bundle = resizing_bundle(thresholds=thresholds)
    exported = export_network(bundle, "torch")
    program = torch.export.load(io.BytesIO(exported.content)).module()
    for count in (5, 1):
        expected = bundle.scores(PIXELS[:count])
        found = program(IMAGES[:count]).detach().numpy()
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert exported.description["class_names"] == list(CLASSES)
    assert exported.file_name == "network.pt2"


@pytest.mark.slow
def test_an_onnx_model_gives_the_probabilities_of_the_bundle() -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra 'export'")
    pytest.importorskip("onnxscript", reason="needs the extra 'export'")
    bundle = resizing_bundle()
    exported = export_network(bundle, "onnx")
    session = onnxruntime.InferenceSession(exported.content, providers=["CPUExecutionProvider"])
    for count in (5, 1):
        (found,) = session.run(["probabilities"], {"images": IMAGES[:count].numpy()})
        np.testing.assert_allclose(found, bundle.scores(PIXELS[:count]), atol=1e-5)


def test_a_machine_cannot_be_exported() -> None:
    with pytest.raises(GraftError, match=r"Only a network.*model_bundle"):
        export_network(svm_bundle(), "torch")


def test_without_the_extra_onnx_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(GraftError, match=r"graft\[export\]"):
        export_network(resizing_bundle(), "onnx")


def test_an_export_that_answers_otherwise_is_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from graft.bundle import export

    wrong = (b"", lambda pixels: np.zeros((len(pixels), 3), dtype=np.float32))
    monkeypatch.setattr(export, "_as_torch_program", lambda network, images: wrong)
    with pytest.raises(GraftError, match="other probabilities"):
        export_network(resizing_bundle(), "torch")
