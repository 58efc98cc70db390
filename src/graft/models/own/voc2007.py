"""The networks of the PASCAL VOC report: its SimpleClassifier and AlexNet with batch norm."""

from __future__ import annotations

from torch import nn

from graft.models.options import flag, one_of
from graft.models.own.blocks import HEAD, block_stages, sequence
from graft.models.spec import BackboneSpec


def simple_classifier(num_classes: int) -> nn.Sequential:
    """Images (B, 3, 227, 227); 1,337,941 parameters for the report's 21 outputs."""
    return sequence(
        conv1=nn.Sequential(nn.Conv2d(3, 64, 5), nn.ReLU(), nn.MaxPool2d(2)),
        conv2=nn.Sequential(nn.Conv2d(64, 32, 3), nn.ReLU(), nn.MaxPool2d(2)),
        conv3=nn.Sequential(nn.Conv2d(32, 16, 3), nn.ReLU(), nn.MaxPool2d(2)),
        fc1=nn.Sequential(nn.Flatten(), nn.Linear(16 * 26**2, 120), nn.ReLU()),
        fc2=nn.Sequential(nn.Linear(120, 84), nn.ReLU()),
        head=nn.Linear(84, num_classes),
    )


def alexnet_bn(
    num_classes: int, *, batch_norms: int, running_statistics: bool, extra_convolutions: int
) -> nn.Sequential:
    """AlexNet (torchvision's) with batch norm after its first convolutions.

    57,092,181 parameters with five batch norms and the report's 21 outputs (20 classes and a
    background that its mean average precision leaves out). The report's batch norms keep no
    running statistics: an image's prediction depends on the others in its batch, in evaluation
    too. `running_statistics: true` is batch norm as usual.

    The report's steps "a", "b" and "c" are one, three and five batch norms; which convolutions
    the first ones follow is assumed (from the input on). Its step "d" adds two convolutions of
    384 channels and a max-pool, which fits after the third convolution; "e" three convolutions
    of 256 channels and a max-pool, which fits after the fifth. Assumed: a ReLU after each, and
    that the pool of "e" is AlexNet's own last one, for at 227 pixels 2 × 2 positions are left
    after it and no further pool fits.
    """

    def conv(number: int, convolution: nn.Conv2d, *pool: nn.Module) -> nn.Sequential:
        channels = convolution.out_channels
        norm = (
            [nn.BatchNorm2d(channels, track_running_stats=running_statistics)]
            if number <= batch_norms
            else []
        )
        return nn.Sequential(convolution, *norm, nn.ReLU(inplace=True), *pool)

    blocks: dict[str, nn.Module] = {
        "conv1": conv(1, nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.MaxPool2d(3, 2)),
        "conv2": conv(2, nn.Conv2d(64, 192, 5, padding=2), nn.MaxPool2d(3, 2)),
        "conv3": conv(3, nn.Conv2d(192, 384, 3, padding=1)),
    }
    if extra_convolutions >= 2:
        blocks["d"] = _extra(384, 2)
    blocks["conv4"] = conv(4, nn.Conv2d(384, 256, 3, padding=1))
    if extra_convolutions == 5:
        blocks["conv5"] = conv(5, nn.Conv2d(256, 256, 3, padding=1))
        blocks["e"] = _extra(256, 3)
    else:
        blocks["conv5"] = conv(5, nn.Conv2d(256, 256, 3, padding=1), nn.MaxPool2d(3, 2))
    blocks["fc1"] = nn.Sequential(
        nn.AdaptiveAvgPool2d((6, 6)),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(256 * 6**2, 4096),
        nn.ReLU(inplace=True),
    )
    blocks["fc2"] = nn.Sequential(nn.Dropout(0.5), nn.Linear(4096, 4096), nn.ReLU(inplace=True))
    return sequence(**blocks, head=nn.Linear(4096, num_classes))


def _extra(channels: int, convolutions: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(convolutions):
        layers += [nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.MaxPool2d(3, 2))


SPECS = (
    BackboneSpec(
        name="simple_classifier",
        make=simple_classifier,
        head=HEAD,
        stages=block_stages,
        input_size=227,
        sizes="fixed",
    ),
    BackboneSpec(
        name="alexnet_bn",
        make=alexnet_bn,
        head=HEAD,
        stages=block_stages,
        input_size=227,
        options={
            "batch_norms": one_of(5, 3, 1, 0, doc="how many convolutions batch norm follows"),
            "running_statistics": flag(False, doc="batch norm as usual, not as in the report"),
            "extra_convolutions": one_of(0, 2, 5, doc="the report's additions: d is 2, d and e 5"),
        },
    ),
)
