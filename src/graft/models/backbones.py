"""The backbones by name: our own, torchvision's, and timm's where it is installed."""

from __future__ import annotations

import difflib

from graft.errors import GraftError
from graft.models.own import list_own_backbones, own_spec
from graft.models.spec import BackboneSpec
from graft.models.timm_adapter import PREFIX, timm_spec


def list_backbones() -> list[str]:
    """Every name that `model.backbone` may have, our own first, timm's not among them."""
    from graft.models.torchvision_families import list_torchvision_backbones

    return [*list_own_backbones(), *list_torchvision_backbones()]


def get_backbone(name: str) -> BackboneSpec:
    """The spec of a backbone: a name of `list_backbones()`, or "timm:" and a name of timm's.

    Raises:
        GraftError: No such backbone; the message names the nearest ones. Or timm is not installed.
    """
    if name.startswith(PREFIX):
        return timm_spec(name)
    if name in list_own_backbones():
        return own_spec(name)
    from graft.models.torchvision_families import torchvision_spec

    names = list_backbones()
    if name not in names:
        nearest = difflib.get_close_matches(name, names, n=3)
        hint = f" Did you mean {' or '.join(nearest)}?" if nearest else ""
        raise GraftError(
            f"model.backbone: there is no backbone '{name}'.{hint} There are {len(names)}: "
            f"{', '.join(list_own_backbones())} and all of torchvision's classifiers; timm's are "
            f"called {PREFIX}<name>."
        )
    return torchvision_spec(name)
