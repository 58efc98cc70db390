"""A bundle's network for programs that have no Graft: torch.export and ONNX.

What is exported takes float32 (B, 3, S, S) in [0, 1], red green blue, any B, and gives the class
probabilities (B, K): resize, normalisation, temperature and softmax are inside. Decoding and
cutting out the square are not. An export is run on random images before it is handed on.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.errors import GraftError

if TYPE_CHECKING:
    import torch
    from torch import nn

    from graft.bundle.bundle import Bundle

FORMATS = {"torch": "network.pt2", "onnx": "network.onnx"}
TOLERANCE = 1e-4  # of a probability; rounding stays far below
_TRIED = 3  # images that an export is tried on


@dataclass(frozen=True)
class ExportedNetwork:
    """A network in the file format of another program.

    Attributes:
        format: "torch" (torch.export) or "onnx".
        content: The file.
        description: JSON types: what goes in and comes out, and how far its probabilities are from
            the bundle's (`largest_difference`).
    """

    format: str
    content: bytes
    description: dict[str, Any] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        return FORMATS[self.format]


def export_network(bundle: Bundle, wanted: str) -> ExportedNetwork:
    """Export the network of a bundle, and compare it with the original.

    Args:
        bundle: Of a network.
        wanted: "torch" or "onnx".

    Raises:
        GraftError: The bundle is that of a probe, ONNX is not installed, the network cannot be
            exported, or the export answers differently.
    """
    import torch

    if bundle.probe is not None:
        raise GraftError(
            "Only a network can be exported, and this bundle's classifier is one on its features: "
            "set prediction.bundle to 'model_bundle', or to the bundle of a network."
        )
    size = bundle.transform.size
    images = torch.rand(_TRIED, 3, size, size, generator=torch.Generator().manual_seed(0))
    network = _with_probabilities(bundle)
    make = {"torch": _as_torch_program, "onnx": _as_onnx}[wanted]
    try:
        content, run = make(network, images)
    except GraftError:
        raise
    except Exception as error:  # the exporters raise nearly everything
        raise GraftError(
            f"{bundle.network.metadata['backbone']} cannot be exported as {wanted}: "
            f"{type(error).__name__}: {error}"
        ) from error
    with torch.inference_mode():
        expected = network(images).numpy()
    difference = float(np.abs(run(images.numpy()) - expected).max())
    if not difference <= TOLERANCE:
        raise GraftError(
            f"The network exported as {wanted} gives other probabilities than the bundle (by up to "
            f"{difference:.2g}), so it is not saved."
        )
    description = {
        "input": f"images: float32 (B, 3, {size}, {size}) in [0, 1], red green blue",
        "output": "probabilities: float32 (B, K)",
        "class_names": list(bundle.class_names),
        "thresholds": None if bundle.thresholds is None else list(bundle.thresholds),
        "largest_difference": difference,
    }
    return ExportedNetwork(wanted, content, description)


def _with_probabilities(bundle: Bundle) -> nn.Module:
    """From images to probabilities, on the CPU."""
    from torch import nn

    from graft.training.checkpoint import restore_classifier

    class Probabilities(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.classifier = restore_classifier(bundle.network)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return bundle.probabilities(self.classifier(images))

    return Probabilities().eval()


def _program(network: nn.Module, images: torch.Tensor) -> torch.export.ExportedProgram:
    import torch

    any_number = torch.export.Dim("batch", min=1)
    return torch.export.export(network, (images,), dynamic_shapes=({0: any_number},))


def _as_torch_program(network: nn.Module, images: torch.Tensor) -> tuple[bytes, Any]:
    import torch

    program = _program(network, images)
    file = io.BytesIO()
    torch.export.save(program, file)
    module = program.module()
    return file.getvalue(), lambda pixels: module(torch.from_numpy(pixels)).detach().numpy()


def _as_onnx(network: nn.Module, images: torch.Tensor) -> tuple[bytes, Any]:
    import torch

    try:
        import onnxruntime
        import onnxscript  # noqa: F401 - torch's exporter is written in it
    except ImportError as error:
        raise GraftError(
            f"export.format: onnx needs packages that cannot be imported ({error}). Install them: "
            "pip install 'graft[export]'; or set export.format to torch."
        ) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself
        exported = torch.onnx.export(
            _program(network, images),
            (images,),
            input_names=["images"],
            output_names=["probabilities"],
            dynamo=True,
            verbose=False,
        )
    assert exported is not None
    content: bytes = exported.model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return content, lambda pixels: session.run(None, {"images": pixels})[0]
