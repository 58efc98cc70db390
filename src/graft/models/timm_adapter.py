"""timm's networks (Wightman 2019), where timm is installed: `timm:<name>`.

timm's models say themselves where their head is, what normalisation their weights want and how
their parameters group into layers; the spec is made from that. A name may carry the tag of its
weights ("timm:resnet50.a1_in1k").
"""

from __future__ import annotations

import contextlib
import difflib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from graft.errors import GraftError
from graft.models.spec import IMAGENET_MEAN, IMAGENET_STD, BackboneSpec

if TYPE_CHECKING:
    import torch
    from torch import nn

PREFIX = "timm:"


@lru_cache
def timm_spec(name: str) -> BackboneSpec:
    """The spec of one of timm's networks.

    Args:
        name: "timm:" and a name of `timm.list_models()`.

    Raises:
        GraftError: timm is not installed or has no such network; or the network does not end in
            a single linear layer or 1x1 convolution.
    """
    import torch

    timm = _import_timm()
    model = name.removeprefix(PREFIX)
    if not timm.is_model(model):
        nearest = difflib.get_close_matches(model, timm.list_models(), n=3)
        hint = f" Did you mean {' or '.join(PREFIX + near for near in nearest)}?" if nearest else ""
        raise GraftError(f"model.backbone: timm {timm.__version__} has no network '{model}'.{hint}")

    def make(num_classes: int) -> nn.Module:
        net: nn.Module = timm.create_model(model, pretrained=False, num_classes=num_classes)
        return net

    config = _config(name)
    # Some of the spec only a network that is there can tell; on the meta device it costs neither
    # memory nor random numbers.
    with torch.device("meta"):
        net = make(2)
    _require_head(net, name, config.classifier)
    return BackboneSpec(
        name=name,
        make=make,
        head=config.classifier,
        stages=lambda net: _stages(net, config.classifier),
        mean=tuple(config.mean or IMAGENET_MEAN),
        std=tuple(config.std or IMAGENET_STD),
        input_size=config.input_size[-1],
        sizes="fixed" if config.fixed_input_size else "any",
        layout=_layout(net),
    )


def load_timm_weights(name: str) -> dict[str, torch.Tensor]:
    """The published weights of a network, downloaded on first use.

    Args:
        name: As for `timm_spec`; the tag in it chooses among several.

    Raises:
        GraftError: There are none, or they could not be fetched.
    """
    timm = _import_timm()
    config = _config(name)
    if not config.has_weights:
        raise GraftError(
            f"model.weights: timm publishes none for {name}. Give a file, 'none', or the name with "
            f"a tag: {', '.join(timm.list_pretrained(name.removeprefix(PREFIX) + '*')) or 'none'}."
        )
    try:
        net = timm.create_model(name.removeprefix(PREFIX), pretrained=True)
    except Exception as error:  # of whatever timm fetches them with
        raise GraftError(
            f"model.weights: the weights of {name} could not be fetched ({error}). On a machine "
            "without a network give the path of a local file as model.weights."
        ) from error
    state: dict[str, torch.Tensor] = net.state_dict()
    return state


def _import_timm() -> Any:
    try:
        import timm
    except ImportError as error:
        raise GraftError(
            f"model.backbone: the networks called {PREFIX}<name> need timm, which cannot be "
            f"imported ({error}). Install it: pip install 'graft[timm]'."
        ) from error
    return timm


def _config(name: str) -> Any:
    """timm's description of a network and its weights."""
    timm = _import_timm()
    try:
        config = timm.get_pretrained_cfg(name.removeprefix(PREFIX), allow_unregistered=False)
    except RuntimeError as error:
        raise GraftError(f"model.backbone: {name}: {error}") from error
    return config


def _require_head(net: nn.Module, name: str, head: Any) -> None:
    from torch import nn

    if isinstance(head, str):
        with contextlib.suppress(AttributeError):
            if isinstance(net.get_submodule(head), nn.Linear | nn.Conv2d):
                return
    raise GraftError(
        f"model.backbone: {name} does not end in one linear layer or convolution (timm says: "
        f"{head}), so that Graft cannot give it a new head. Choose another network."
    )


def _layout(net: nn.Module) -> str:
    if getattr(net, "output_fmt", "NCHW") == "NHWC":
        return "NHWC"
    tokens_first: Any = getattr(net, "num_prefix_tokens", None)
    return "tokens" if tokens_first and getattr(net, "cls_token", None) is not None else "NCHW"


def _stages(net: nn.Module, head: str) -> dict[str, tuple[str, ...]]:
    """The groups of parameters as the largest modules that lie within one group."""
    group_of = _groups(net)
    neck = next(group for name, group in group_of.items() if name.startswith(f"{head}."))
    found: dict[int, tuple[list[str], list[str]]] = {}  # parameters and modules of each group
    last: int | None = None

    def walk(module: nn.Module, prefix: str) -> None:
        nonlocal last
        for name, _ in module.named_parameters(recurse=False):
            found.setdefault(group_of[prefix + name], ([], []))[0].append(prefix + name)
        for name, child in module.named_children():
            path = prefix + name
            inside = [f"{path}.{parameter}" for parameter, _ in child.named_parameters()]
            owners = {group_of[p] for p in inside if not p.startswith(f"{head}.")}
            holds_head = f"{head}.".startswith(f"{path}.")
            if len(owners) == 1 and not holds_head:
                last = owners.pop()
                found.setdefault(last, ([], []))[1].append(path)
            elif owners:
                walk(child, f"{path}.")
            elif last is not None and not holds_head:
                # Without parameters, such as dropout: it goes with what stands before it.
                found[last][1].append(path)

    walk(net, "")
    names = {
        group: "neck" if group == neck else f"stage{number}" if number else "stem"
        for number, group in enumerate(sorted(found))
    }
    # A stage's output is that of its last module, hence parameters before modules.
    return {names[group]: (*found[group][0], *found[group][1]) for group in sorted(found)}


def _groups(net: nn.Module) -> dict[str, int]:
    """A number for each parameter, by timm's own grouping: stem, stages, head and neck."""
    from timm.models import group_parameters

    names = [name for name, _ in net.named_parameters()]
    with contextlib.suppress(AttributeError, AssertionError):
        timms: Any = net
        groups = group_parameters(net, timms.group_matcher(coarse=True))
        group_of = {name: number for number, members in groups.items() for name in members}
        if len(group_of) == len(names):
            return group_of
    # A few of timm's networks have no grouping: their outermost modules have to do.
    outermost = list(dict.fromkeys(name.split(".")[0] for name in names if "." in name))
    return {name: outermost.index(name.split(".")[0]) if "." in name else 0 for name in names}
