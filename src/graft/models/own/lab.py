"""The networks of the MNIST and CIFAR-10 lab: fully connected ones, CNNs and their variants.

The report names the layers and leaves every width open. Assumed, here and in its experiments:
ReLU after every layer but the last, no padding in the basic CNN, 16 and 32 channels and 128 and
64 neurons in it; 64 and 128 channels and dropout of 0.25 in the two-block CNN.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from graft.models.options import counts, flag, one_of
from graft.models.own.blocks import HEAD, Grey, block_stages, require_pixels, sequence
from graft.models.spec import BackboneSpec

GREY = flag(False, doc="average the colour channels first: one input channel, as MNIST has")


def fully_connected(
    num_classes: int, *, image_size: int, neurons: Sequence[int], batch_norm: bool, grey: bool
) -> nn.Sequential:
    """Linear layers only: images (B, 3, `image_size`, `image_size`), one layer more than widths."""
    blocks: dict[str, nn.Module] = {}
    inputs = image_size**2 * (1 if grey else 3)
    for number, outputs in enumerate(neurons, 1):
        before = [*([Grey()] if grey else []), nn.Flatten()] if number == 1 else []
        norm = [nn.BatchNorm1d(outputs)] if batch_norm else []
        blocks[f"fc{number}"] = nn.Sequential(*before, nn.Linear(inputs, outputs), *norm, nn.ReLU())
        inputs = outputs
    return sequence(**blocks, head=nn.Linear(inputs, num_classes))


def basic_cnn(
    num_classes: int,
    *,
    image_size: int,
    kernel_sizes: Sequence[int],
    dilation: int,
    reduction: str,
    grey: bool,
) -> nn.Sequential:
    """Two convolutions, a pool, three linear layers: the lab's baseline on both data sets.

    Raises:
        GraftError: Nothing is left of the images after the convolutions.
    """
    first, second = kernel_sizes
    strided = reduction == "stride"
    conv1 = nn.Conv2d(1 if grey else 3, 16, first, dilation=dilation)
    conv2 = nn.Conv2d(16, 32, second, stride=2 if strided else 1, dilation=dilation)
    # Halved by the stride or by the pool; the stride also takes the last odd position.
    left = image_size - dilation * (first - 1) - dilation * (second - 1)
    left = (left + 1) // 2 if strided else left // 2
    require_pixels("basic_cnn", image_size, left)
    pool = {"max_pool": nn.MaxPool2d(2), "average_pool": nn.AvgPool2d(2), "stride": None}[reduction]
    return sequence(
        conv1=nn.Sequential(*([Grey()] if grey else []), conv1, nn.ReLU()),
        conv2=nn.Sequential(conv2, nn.ReLU(), *([pool] if pool else [])),
        fc1=nn.Sequential(nn.Flatten(), nn.Linear(32 * left**2, 128), nn.ReLU()),
        fc2=nn.Sequential(nn.Linear(128, 64), nn.ReLU()),
        head=nn.Linear(64, num_classes),
    )


def two_block_cnn(num_classes: int, *, image_size: int) -> nn.Sequential:
    """The lab's custom CNN: twice two convolutions, a batch norm, a max-pool and dropout.

    Raises:
        GraftError: The images are too small for two max-pools.
    """
    left = image_size // 4
    require_pixels("two_block_cnn", image_size, left)
    return sequence(
        block1=_block(3, 64),
        block2=_block(64, 128),
        flatten=nn.Flatten(),
        head=nn.Linear(128 * left**2, num_classes),
    )


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
    )


SPECS = (
    BackboneSpec(
        name="fully_connected",
        make=fully_connected,
        head=HEAD,
        stages=block_stages,
        input_size=28,
        sizes="chosen",
        options={
            "neurons": counts([128, 64], doc="of each layer but the last"),
            "batch_norm": flag(False, doc="after every layer but the last"),
            "grey": GREY,
        },
    ),
    BackboneSpec(
        name="basic_cnn",
        make=basic_cnn,
        head=HEAD,
        stages=block_stages,
        input_size=28,
        sizes="chosen",
        options={
            "kernel_sizes": counts([3, 3], length=2, doc="of the two convolutions"),
            "dilation": one_of(1, 2, doc="of both convolutions"),
            "reduction": one_of(
                "max_pool",
                "average_pool",
                "stride",
                doc="what halves the image before the linear layers",
            ),
            "grey": GREY,
        },
    ),
    BackboneSpec(
        name="two_block_cnn",
        make=two_block_cnn,
        head=HEAD,
        stages=block_stages,
        input_size=32,
        sizes="chosen",
    ),
)
