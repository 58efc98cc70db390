"""torchvision's networks changed for images of 32 pixels.

The lab takes ResNet-18 and VGG-16 to CIFAR-10 as they are, which works (`resnet18`, `vgg16` at
`model.input_size: 32`). AlexNet does not fit: its pools leave nothing.
"""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from graft.models.torchvision_families import torchvision_spec


def alexnet_cifar(num_classes: int) -> nn.Module:
    """AlexNet whose first max-pool has stride 1, so that 32 pixels reach the last one.

    The report changed the first max-pool and does not say how. The first convolution leaves
    7 × 7 positions, and the other two pools need all of them: stride 1 and padding 1 keep them.
    No weight changes, so that the published ones fit.
    """
    net = torchvision_spec("alexnet").build(num_classes)
    net.get_submodule("features")[2] = nn.MaxPool2d(3, stride=1, padding=1)  # type: ignore[operator]
    return net


def resnet18_cifar(num_classes: int) -> nn.Module:
    """ResNet-18 with the usual stem for small images: one 3×3 convolution, no max-pool.

    11,173,962 parameters for ten classes. torchvision's own (`resnet18`) leaves a single
    position of a 32-pixel image before its head. The published weights do not fit.
    """
    net = torchvision_spec("resnet18").build(num_classes)
    stem = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(stem.weight, mode="fan_out", nonlinearity="relu")
    net.conv1 = stem
    net.maxpool = nn.Identity()
    return net


SPECS = (
    replace(torchvision_spec("alexnet"), name="alexnet_cifar", make=alexnet_cifar, input_size=32),
    replace(
        torchvision_spec("resnet18"),
        name="resnet18_cifar",
        make=resnet18_cifar,
        input_size=32,
        published_as=None,
    ),
)
