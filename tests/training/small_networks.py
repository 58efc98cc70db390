"""Small members of large families: staged and headed as the family is, and quick to train."""

from __future__ import annotations

import dataclasses

from torch import nn

from graft.models.backbones import get_backbone
from graft.models.classifier import Classifier
from graft.models.lora import LoRA
from graft.models.spec import BackboneSpec
from graft.seeding import seed_everything

SIZE = 32


def _vit(num_classes: int) -> nn.Module:
    from torchvision.models import VisionTransformer

    return VisionTransformer(SIZE, 8, 3, 2, 16, 32, dropout=0.2, num_classes=num_classes)


def _swin(num_classes: int) -> nn.Module:
    from torchvision.models import SwinTransformer

    return SwinTransformer([2, 2], 16, [1, 1, 1, 1], [2, 2, 2, 2], [2, 2], num_classes=num_classes)


def _resnet(num_classes: int) -> nn.Module:
    from torchvision.models.resnet import BasicBlock, ResNet

    net = ResNet(BasicBlock, [1, 1, 1, 1], num_classes=num_classes)
    net.layer3 = _thin_layer(128, 16)
    net.layer4 = _thin_layer(16, 512)
    return net


def _thin_layer(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def _vgg(num_classes: int) -> nn.Module:
    from torchvision.models.vgg import VGG, make_layers

    net = nn.Module.__new__(VGG)
    nn.Module.__init__(net)
    net.features = make_layers([8, "M", 16, "M", 16, "M"], batch_norm=True)
    net.avgpool = nn.AdaptiveAvgPool2d((2, 2))
    layers = [nn.Linear(64, 24), nn.ReLU(), nn.Dropout(), nn.Linear(24, 24), nn.ReLU()]
    net.classifier = nn.Sequential(*layers, nn.Dropout(), nn.Linear(24, num_classes))
    return net


FAMILIES = {
    "resnet18": _resnet,
    "vgg11_bn": _vgg,
    "vit_b_16": _vit,
    "swin_t": _swin,
    "mobilenet_v3_small": None,
    "squeezenet1_1": None,
}


def small_spec(name: str) -> BackboneSpec:
    """The spec of one of `FAMILIES`, which makes a small member; or any other backbone's own."""
    spec = get_backbone(name)
    make = FAMILIES.get(name)
    return spec if make is None else dataclasses.replace(spec, make=make, input_size=SIZE)


def small_classifier(name: str, lora: LoRA | None = None) -> Classifier:
    """For three classes, with random weights that are always the same."""
    seed_everything(0)
    spec = small_spec(name)
    size = SIZE if name in FAMILIES else None
    net = spec.build(3, size)
    head = net.get_submodule(spec.head)
    if name == "vit_b_16":  # torchvision begins with zeros: nothing behind them would learn
        nn.init.normal_(head.weight, std=0.1)
    model = Classifier(net, spec, ("red", "green", "blue"), (0.4,) * 3, (0.2,) * 3, size)
    if lora is not None:
        model.adapt(lora)
    return model
