"""The six-convolution network of the CIFAR-10 ablation.

The report varies its normalisation and its activation. It gives the layers with their output
shapes and parameters, but not how they are joined. Assumed: the activation follows every
convolution and fully connected layer but the last, after the normalisation where there is one,
and p = 0.5 for dropout (torch's default).
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from graft.models.options import one_of, share
from graft.models.own.blocks import ACTIVATIONS, HEAD, activation_option, block_stages, sequence
from graft.models.spec import BackboneSpec


def ablation_cnn(
    num_classes: int, *, normalisation: str, activation: str, dropout: float
) -> nn.Sequential:
    """Images (B, 3, 32, 32).

    3,430,922 parameters for ten classes with batch norm, 3,429,870 with dropout or neither.
    """
    act = ACTIVATIONS[activation]
    norm_2d, norm_1d = _normalisation(normalisation, dropout)
    return sequence(
        conv1=nn.Sequential(nn.Conv2d(3, 6, 3), act(), nn.MaxPool2d(2)),
        conv2=nn.Sequential(nn.Conv2d(6, 8, 3), act()),
        conv3=nn.Sequential(nn.Conv2d(8, 10, 1), act()),
        conv4=nn.Sequential(nn.Conv2d(10, 12, 1), act()),
        conv5=nn.Sequential(nn.Conv2d(12, 14, 1), norm_2d(14), act()),
        conv6=nn.Sequential(nn.Conv2d(14, 16, 1), act()),
        fc1=nn.Sequential(nn.Flatten(), nn.Linear(16 * 13**2, 1024), act()),
        fc2=nn.Sequential(nn.Linear(1024, 512), norm_1d(512), act()),
        fc3=nn.Sequential(nn.Linear(512, 256), act()),
        head=nn.Linear(256, num_classes),
    )


def _normalisation(
    name: str, dropout: float
) -> tuple[Callable[[int], nn.Module], Callable[[int], nn.Module]]:
    """What stands after the fifth convolution and after the second linear layer."""
    if name == "batch":
        return nn.BatchNorm2d, nn.BatchNorm1d
    if name == "dropout":
        return lambda _: nn.Dropout2d(dropout), lambda _: nn.Dropout(dropout)
    return lambda _: nn.Identity(), lambda _: nn.Identity()


SPECS = (
    BackboneSpec(
        name="ablation_cnn",
        make=ablation_cnn,
        head=HEAD,
        stages=block_stages,
        input_size=32,
        sizes="fixed",
        options={
            "normalisation": one_of("batch", "dropout", "none", doc="at two places in the network"),
            "activation": activation_option(),
            "dropout": share(0.5, doc="probability, where the normalisation is dropout"),
        },
    ),
)
