"""The two networks of the flowers report.

Their fully connected layers (54450 = 50·33² and 14700 = 75·14² inputs) hold together for crops
of 144 to 147 pixels; 144 is 0.8 of 180. The report's networks end in a log-softmax. Here the
loss applies it: cross-entropy of a log-softmax is the same number.
"""

from __future__ import annotations

from torch import nn

from graft.models.own.blocks import HEAD, block_stages, sequence
from graft.models.spec import BackboneSpec


def _conv(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 5), nn.ReLU(), nn.MaxPool2d(2))


def _fully_connected(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, outputs), nn.ReLU())


def first_net(num_classes: int) -> nn.Sequential:
    """FirstNet: images (B, 3, 144, 144); 1,823,623 parameters for five classes."""
    return sequence(
        conv1=_conv(3, 20),
        conv2=_conv(20, 50),
        fc1=_fully_connected(50 * 33**2, 33),
        head=nn.Linear(33, num_classes),
    )


def second_net(num_classes: int) -> nn.Sequential:
    """SecondNet: images (B, 3, 144, 144); 7,669,480 parameters for five classes."""
    return sequence(
        conv1=_conv(3, 50),
        conv2=_conv(50, 100),
        conv3=_conv(100, 75),
        fc1=_fully_connected(75 * 14**2, 500),
        head=nn.Linear(500, num_classes),
    )


SPECS = tuple(
    BackboneSpec(
        name=make.__name__,
        make=make,
        head=HEAD,
        stages=block_stages,
        input_size=144,
        sizes="fixed",
    )
    for make in (first_net, second_net)
)
