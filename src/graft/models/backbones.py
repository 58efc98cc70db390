"""The backbones by name: our own and torchvision's."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from graft.errors import GraftError
from graft.models.spec import BackboneSpec

CIFAR10_MEAN = (0.4914, 0.4822, 0.4465)
CIFAR10_STD = (0.2470, 0.2435, 0.2616)


def list_backbones() -> list[str]:
    """Every name that `model.backbone` may have, our own first."""
    from graft.models.torchvision_families import list_torchvision_backbones

    return [*_OWN, *list_torchvision_backbones()]


def get_backbone(name: str) -> BackboneSpec:
    """The spec of a backbone.

    Raises:
        GraftError: No such backbone; the message names the nearest ones.
    """
    if name in _OWN:
        return _OWN[name]()
    from graft.models.torchvision_families import torchvision_spec

    names = list_backbones()
    if name not in names:
        nearest = difflib.get_close_matches(name, names, n=3)
        hint = f" Did you mean {' or '.join(nearest)}?" if nearest else ""
        raise GraftError(
            f"model.backbone: there is no backbone '{name}'.{hint} "
            f"There are {len(names)}: resnet20_cifar and all of torchvision's classifiers."
        )
    return torchvision_spec(name)


def _resnet20_cifar() -> BackboneSpec:
    from graft.models.resnet_cifar import resnet20_cifar

    stages: dict[str, tuple[str, ...]] = {
        "stem": ("conv1", "bn1"),
        "stage1": ("stage1",),
        "stage2": ("stage2",),
        "stage3": ("stage3",),
    }
    return BackboneSpec(
        name="resnet20_cifar",
        build=resnet20_cifar,
        head="fc",
        stages=lambda _: stages,
        mean=CIFAR10_MEAN,
        std=CIFAR10_STD,
        input_size=32,
    )


_OWN: dict[str, Callable[[], BackboneSpec]] = {"resnet20_cifar": _resnet20_cifar}
