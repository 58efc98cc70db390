"""torchvision's classification networks, family by family.

For each family: the path of its head and its stages from input to output. Every parameter
outside the head belongs to exactly one stage, which is what makes "frozen" mean the same in all
of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from graft.models.spec import BackboneSpec

if TYPE_CHECKING:
    from torch import nn

Stages = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Family:
    """What the networks whose names begin alike have in common."""

    prefixes: tuple[str, ...]
    head: str
    stages: Callable[[nn.Module], Stages]
    layout: str = "NCHW"
    sizes: Literal["any", "fixed"] = "any"
    build_options: dict[str, Any] = field(default_factory=dict)
    ignored_weights: tuple[str, ...] = ()


def list_torchvision_backbones() -> list[str]:
    """The names of all classification models in torchvision's registry."""
    import torchvision.models as models

    return [str(name) for name in models.list_models(module=models)]


@lru_cache
def torchvision_spec(name: str) -> BackboneSpec:
    """The spec of one of torchvision's networks; normalisation and size as its weights want."""
    from torchvision.models import get_model_weights

    family = next(f for f in FAMILIES if name.startswith(f.prefixes))
    preprocessing = get_model_weights(name).DEFAULT.transforms()
    size = preprocessing.crop_size[0]
    options = dict(family.build_options)
    if name.startswith("vit"):
        options["image_size"] = size

    def make(num_classes: int) -> nn.Module:
        from torchvision.models import get_model

        with warnings.catch_warnings():
            # GoogLeNet and Inception announce a change of their random weights.
            warnings.simplefilter("ignore", FutureWarning)
            net: nn.Module = get_model(name, weights=None, num_classes=num_classes, **options)
            return net

    return BackboneSpec(
        name=name,
        make=make,
        head=family.head,
        stages=family.stages,
        mean=tuple(preprocessing.mean),
        std=tuple(preprocessing.std),
        input_size=size,
        sizes=family.sizes,
        layout=family.layout,
        published_as=name,
        ignored_weights=family.ignored_weights,
    )


def _children(net: nn.Module, path: str) -> list[str]:
    return [f"{path}.{name}" for name, _ in net.get_submodule(path).named_children()]


def _fixed(**stages: str) -> Callable[[nn.Module], Stages]:
    """Stages that are the same in all of a family; paths separated by blanks."""
    split = {name: tuple(paths.split()) for name, paths in stages.items()}
    return lambda _: split


def _each_child(path: str, *last: str) -> Callable[[nn.Module], Stages]:
    """Every block of `path` is a stage, `last` what stands between them and the head."""

    def stages(net: nn.Module) -> Stages:
        blocks = _children(net, path)
        found: Stages = {f"block{number}": (block,) for number, block in enumerate(blocks)}
        return {**found, "neck": last} if last else found

    return stages


def _between_max_pools(path: str, *last: str) -> Callable[[nn.Module], Stages]:
    """A stage ends with a max-pool (VGG, SqueezeNet), `last` stands before the head."""

    def stages(net: nn.Module) -> Stages:
        from torch import nn as layers

        found: list[list[str]] = [[]]
        for child in _children(net, path):
            found[-1].append(child)
            if isinstance(net.get_submodule(child), layers.MaxPool2d):
                found.append([])
        named = {f"stage{i}": tuple(paths) for i, paths in enumerate(filter(None, found), 1)}
        return {**named, "fc": last} if last else named

    return stages


def _vit_stages(net: nn.Module) -> Stages:
    layers = _children(net, "encoder.layers")
    stages: Stages = {"stem": ("class_token", "encoder.pos_embedding", "conv_proj")}
    stages |= {f"layer{number}": (layer,) for number, layer in enumerate(layers, 1)}
    stages[f"layer{len(layers)}"] += ("encoder.ln",)
    return stages


def _inception_v3_stages(net: nn.Module) -> Stages:
    names = [name for name, _ in net.named_children()]
    groups = {"stem": "Conv2d", "mixed5": "Mixed_5", "mixed6": "Mixed_6", "mixed7": "Mixed_7"}
    return {
        stage: tuple(name for name in names if name.startswith(prefix))
        for stage, prefix in groups.items()
    }


_FC_HIDDEN = tuple(f"classifier.{i}" for i in range(6))

FAMILIES = (
    Family(
        ("resnet", "resnext", "wide_resnet"),
        "fc",
        _fixed(
            stem="conv1 bn1", layer1="layer1", layer2="layer2", layer3="layer3", layer4="layer4"
        ),
    ),
    Family(
        ("alexnet",),
        "classifier.6",
        _fixed(
            conv1="features.0 features.1 features.2",
            conv2="features.3 features.4 features.5",
            conv3="features.6 features.7",
            conv4="features.8 features.9",
            conv5="features.10 features.11 features.12",
            fc=" ".join(_FC_HIDDEN),
        ),
    ),
    Family(("vgg",), "classifier.6", _between_max_pools("features", *_FC_HIDDEN)),
    Family(("squeezenet",), "classifier.1", _between_max_pools("features")),
    Family(
        ("densenet",),
        "classifier",
        _fixed(
            stem="features.conv0 features.norm0",
            block1="features.denseblock1 features.transition1",
            block2="features.denseblock2 features.transition2",
            block3="features.denseblock3 features.transition3",
            block4="features.denseblock4 features.norm5",
        ),
    ),
    Family(
        ("convnext",),
        "classifier.2",
        _fixed(
            stem="features.0",
            stage1="features.1",
            stage2="features.2 features.3",
            stage3="features.4 features.5",
            stage4="features.6 features.7",
            neck="classifier.0",
        ),
    ),
    Family(("efficientnet",), "classifier.1", _each_child("features")),
    Family(("mobilenet_v2",), "classifier.1", _each_child("features")),
    Family(
        ("mobilenet_v3",),
        "classifier.3",
        _each_child("features", "classifier.0", "classifier.1", "classifier.2"),
    ),
    Family(
        ("mnasnet",),
        "classifier.1",
        _fixed(
            stem=" ".join(f"layers.{i}" for i in range(8)),
            **{f"stage{i - 7}": f"layers.{i}" for i in range(8, 14)},
            neck="layers.14 layers.15 layers.16",
        ),
    ),
    Family(
        ("shufflenet",),
        "fc",
        _fixed(stem="conv1", stage2="stage2", stage3="stage3", stage4="stage4", conv5="conv5"),
    ),
    Family(
        ("regnet",),
        "fc",
        _fixed(stem="stem", **{f"block{i}": f"trunk_output.block{i}" for i in range(1, 5)}),
    ),
    Family(
        ("googlenet",),
        "fc",
        _fixed(
            stem="conv1 conv2 conv3",
            inception3="inception3a inception3b",
            inception4="inception4a inception4b inception4c inception4d inception4e",
            inception5="inception5a inception5b",
        ),
        # The published weights were trained on inputs in [-1, 1]; the network converts them.
        build_options={"aux_logits": False, "init_weights": True, "transform_input": True},
        ignored_weights=("aux1.", "aux2."),
    ),
    Family(
        ("inception_v3",),
        "fc",
        _inception_v3_stages,
        build_options={"aux_logits": False, "init_weights": True, "transform_input": True},
        ignored_weights=("AuxLogits.",),
    ),
    Family(
        ("maxvit",),
        "classifier.5",
        _fixed(
            stem="stem",
            **{f"stage{i + 1}": f"blocks.{i}" for i in range(4)},
            neck="classifier.2 classifier.3 classifier.4",
        ),
        sizes="fixed",
    ),
    Family(
        ("swin",),
        "head",
        _fixed(
            stem="features.0",
            stage1="features.1",
            stage2="features.2 features.3",
            stage3="features.4 features.5",
            stage4="features.6 features.7 norm",
        ),
        layout="NHWC",
    ),
    Family(("vit",), "heads.head", _vit_stages, layout="tokens", sizes="fixed"),
)
