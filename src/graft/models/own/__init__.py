"""Graft's own networks: the CIFAR ResNets and all that the reports built themselves.

One module a report's family, each with its specs in `SPECS`. Layers start as torch's defaults
initialise them where a docstring does not say otherwise.
"""

from __future__ import annotations

import importlib

from graft.models.spec import BackboneSpec

_MODULES = {
    "resnet20_cifar": "resnet_cifar",
    "resnet18_cifar": "torchvision_at_32",
    "alexnet_cifar": "torchvision_at_32",
    "first_net": "flowers",
    "second_net": "flowers",
    "ablation_cnn": "cifar10_ablation",
    "simple_classifier": "voc2007",
    "alexnet_bn": "voc2007",
    "configurable_cnn": "inaturalist",
    "fully_connected": "lab",
    "basic_cnn": "lab",
    "two_block_cnn": "lab",
}


def list_own_backbones() -> list[str]:
    """The names of our own networks."""
    return list(_MODULES)


def own_spec(name: str) -> BackboneSpec:
    """The spec of one of `list_own_backbones()`."""
    module = importlib.import_module(f"{__name__}.{_MODULES[name]}")
    specs: tuple[BackboneSpec, ...] = module.SPECS
    return next(spec for spec in specs if spec.name == name)
