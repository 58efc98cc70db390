"""Pretrained weights: shipped with Graft, torchvision's, or a local file.

Nothing here executes what it loads: `.safetensors` holds tensors only, and `.pth` goes through
torch's restricted unpickler.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft.errors import GraftError
from graft.models.backbones import get_backbone
from graft.models.spec import BackboneSpec
from graft.models.timm_adapter import PREFIX, load_timm_weights

if TYPE_CHECKING:
    import torch
    from torch import nn
    from torchvision.models import WeightsEnum

FILE_SUFFIXES = (".safetensors", ".pth", ".pt")
METADATA_KEY = "graft"
_SHIPPED = {"resnet20_cifar": "resnet20_cifar.safetensors"}


@dataclass(frozen=True)
class BackboneWeights:
    """A state dict and where it comes from.

    Attributes:
        state: Parameters and buffers by name, float32.
        origin: For messages and records: a file or torchvision's name.
        mean: The channel means that they were trained with, where the file says so.
        std: The standard deviations likewise.
    """

    state: dict[str, torch.Tensor]
    origin: str
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def head_outputs(self, spec: BackboneSpec) -> int:
        """How many classes these weights were trained for.

        Raises:
            GraftError: They hold no head under the spec's name.
        """
        layer, block = f"{spec.head}.weight", f"{spec.head}.3.weight"
        for key in (layer, block):
            if key in self.state:
                return int(self.state[key].shape[0])
        raise GraftError(
            f"model.weights: {self.origin} does not fit {spec.name}: it has no '{layer}'. "
            f"It begins with {', '.join(list(self.state)[:4])}."
        )

    def head_hidden(self, spec: BackboneSpec) -> int | None:
        """How many neurons lie between the two layers of their head, None if it has but one."""
        first = self.state.get(f"{spec.head}.0.weight")
        return None if first is None else int(first.shape[0])


def load_weights(backbone: str, weights: str) -> BackboneWeights | None:
    """Load what `model.weights` names.

    Args:
        backbone: The backbone that they are for.
        weights: "none", "shipped", the path of a `.safetensors` or `.pth` file, or a name of
            torchvision's weights ("IMAGENET1K_V1", "DEFAULT"), downloaded on first use. Of
            timm's networks "DEFAULT" is what the tag in their name says.

    Returns:
        The weights, or None for "none".

    Raises:
        GraftError: Nothing of that name for this backbone, or it cannot be read or fetched.
    """
    if weights == "none":
        return None
    if weights == "shipped":
        return _load_shipped(backbone)
    if Path(weights).suffix in FILE_SUFFIXES:
        return load_weights_file(Path(weights))
    if backbone.startswith(PREFIX):
        return _load_from_timm(backbone, weights)
    return _load_from_torchvision(backbone, weights)


def are_to_be_downloaded(backbone: str, weights: str) -> bool:
    """Whether `load_weights` may have to download: published weights that torch does not keep here.

    Of timm's networks it is not known what lies here, and the answer is True.

    Raises:
        GraftError: torchvision has no weights of that name for this backbone.
    """
    if weights in ("none", "shipped") or Path(weights).suffix in FILE_SUFFIXES:
        return False
    return backbone.startswith(PREFIX) or not _kept_file(_published(backbone, weights)).exists()


def load_weights_file(path: Path) -> BackboneWeights:
    """Read a `.safetensors` or `.pth` file of weights, in any floating-point precision.

    Raises:
        GraftError: The file is missing, damaged, or holds more than tensors.
    """
    import torch

    if not path.is_file():
        raise GraftError(f"model.weights: there is no file {path}.")
    metadata: dict[str, Any] = {}
    try:
        if path.suffix == ".safetensors":
            from safetensors import safe_open

            with safe_open(path, framework="pt") as file:
                state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                metadata = json.loads((file.metadata() or {}).get(METADATA_KEY, "{}"))
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
            state = state.get("state_dict", state)
    except Exception as error:
        raise GraftError(
            f"model.weights: {path} cannot be read as weights: {error}. "
            "Give a .safetensors file, or a .pth file that holds a state dict and nothing else."
        ) from error
    if not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise GraftError(f"model.weights: {path} does not hold a state dict (names to tensors).")
    state = {
        name.removeprefix("module."): tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in state.items()
    }
    mean, std = metadata.get("mean"), metadata.get("std")
    return BackboneWeights(
        state, str(path), tuple(mean) if mean else None, tuple(std) if std else None, metadata
    )


def load_into(net: nn.Module, spec: BackboneSpec, weights: BackboneWeights) -> None:
    """Load weights into a network, all of them or none.

    Raises:
        GraftError: Names or shapes differ; the message lists the missing and the unexpected ones.
    """
    state = {
        name: tensor
        for name, tensor in weights.state.items()
        if not name.startswith(spec.ignored_weights or ("\0",))
    }
    expected = net.state_dict()
    # Batch norm's step counter has been part of state dicts only since PyTorch 0.4.1.
    missing = [n for n in expected if n not in state and not n.endswith("num_batches_tracked")]
    unexpected = [name for name in state if name not in expected]
    misshapen = [
        f"{name} {tuple(state[name].shape)} for {tuple(expected[name].shape)}"
        for name in expected
        if name in state and state[name].shape != expected[name].shape
    ]
    if missing or unexpected or misshapen:
        raise GraftError(
            f"model.weights: {weights.origin} does not fit {spec.name}."
            + _listing("missing", missing)
            + _listing("unexpected", unexpected)
            + _listing("of another shape", misshapen)
            + "\n  Give the weights of this backbone, or choose the backbone that they are for."
        )
    net.load_state_dict(state, strict=False)


def _listing(title: str, names: list[str], at_most: int = 8) -> str:
    if not names:
        return ""
    rest = f" … and {len(names) - at_most} more" if len(names) > at_most else ""
    return f"\n  {title} ({len(names)}): {', '.join(names[:at_most])}{rest}"


def _load_shipped(backbone: str) -> BackboneWeights:
    get_backbone(backbone)
    if backbone not in _SHIPPED:
        raise GraftError(
            f"model.weights: Graft ships no weights for {backbone}, only for "
            f"{', '.join(_SHIPPED)}. Give 'none', a file, or a name of torchvision's weights "
            "such as IMAGENET1K_V1."
        )
    file = resources.files("graft.models") / "shipped" / _SHIPPED[backbone]
    with resources.as_file(file) as path:
        return load_weights_file(path)


def _load_from_timm(backbone: str, name: str) -> BackboneWeights:
    if name != "DEFAULT":
        raise GraftError(
            f"model.weights: '{name}' is not known for {backbone}. Give DEFAULT, 'none' or a file; "
            "which of several published weights is a tag in the backbone's name."
        )
    spec = get_backbone(backbone)
    return BackboneWeights(load_timm_weights(backbone), backbone, spec.mean, spec.std)


def _published(backbone: str, name: str) -> WeightsEnum:
    """torchvision's weights of this name."""
    from torchvision.models import get_model_weights

    network = get_backbone(backbone).published_as
    if network is None:
        raise GraftError(
            f"model.weights: '{name}' is neither a file ({', '.join(FILE_SUFFIXES)}) nor known for "
            f"{backbone}. Give 'shipped', 'none' or a file."
        )
    choices = get_model_weights(network)
    if name not in choices.__members__:
        raise GraftError(
            f"model.weights: torchvision has no weights '{name}' for {backbone}. "
            f"It has {', '.join(choices.__members__)}; a file or 'none' does as well."
        )
    return choices[name]


def _kept_file(published: WeightsEnum) -> Path:
    """Where torch keeps them once they have been downloaded."""
    import torch

    name: str = published.url.rsplit("/", 1)[-1]
    return Path(torch.hub.get_dir()) / "checkpoints" / name


def _load_from_torchvision(backbone: str, name: str) -> BackboneWeights:
    chosen = _published(backbone, name)
    transform = chosen.transforms()
    try:
        state = chosen.get_state_dict(progress=True, check_hash=True, weights_only=True)
    except OSError as error:
        file = _kept_file(chosen)
        raise GraftError(
            f"model.weights: {name} of {backbone} could not be downloaded ({error}). On a machine "
            f"without a network put {file.name} into {file.parent}, or give the path of a local "
            "file as model.weights."
        ) from error
    return BackboneWeights(
        dict(state), f"{backbone} {name}", tuple(transform.mean), tuple(transform.std)
    )
