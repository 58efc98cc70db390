"""The configurable network of the iNaturalist report.

Five times convolution, batch norm or not, activation and max-pool, then a dense layer with
dropout and the outputs. The report gives 1,985,770 parameters and 19,549,180,416
multiply-accumulates: exactly those of filters 512, 256, 128, 64, 32 with kernels of 3, 256 dense
neurons and no batch norm, the latter at 244 pixels. (At its 224 pixels they are 16,477,800,960;
with batch norm there are 1,987,754 parameters.)
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from graft.models.options import count, flag, odd_sizes, one_of, share
from graft.models.own.blocks import (
    ACTIVATIONS,
    HEAD,
    activation_option,
    block_stages,
    require_pixels,
    sequence,
)
from graft.models.spec import BackboneSpec

LAYERS = 5


def configurable_cnn(
    num_classes: int,
    *,
    image_size: int,
    filter_strategy: str,
    base_filters: int,
    kernel_size: int | Sequence[int],
    activation: str,
    batch_norm: bool,
    dense_neurons: int,
    dropout: float,
) -> nn.Sequential:
    """Images (B, 3, `image_size`, `image_size`), at least 32 pixels.

    Where dropout stands is not in the report: assumed after the dense layer.

    Raises:
        GraftError: The images are too small for five max-pools.
    """
    act = ACTIVATIONS[activation]
    filters = _filters(filter_strategy, base_filters)
    kernels = [kernel_size] * LAYERS if isinstance(kernel_size, int) else list(kernel_size)
    left = image_size // 2**LAYERS
    require_pixels("configurable_cnn", image_size, left)
    blocks: dict[str, nn.Module] = {}
    inputs = 3
    for number, (outputs, kernel) in enumerate(zip(filters, kernels, strict=True), 1):
        blocks[f"conv{number}"] = nn.Sequential(
            nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2),
            *([nn.BatchNorm2d(outputs)] if batch_norm else []),
            act(),
            nn.MaxPool2d(2),
        )
        inputs = outputs
    blocks["dense"] = nn.Sequential(
        nn.Flatten(), nn.Linear(inputs * left**2, dense_neurons), act(), nn.Dropout(dropout)
    )
    return sequence(**blocks, head=nn.Linear(dense_neurons, num_classes))


def _filters(strategy: str, base: int) -> list[int]:
    """Filters of each convolution; the report's "halving" ends with the base: 512, …, 32."""
    doubling = [base * 2**layer for layer in range(LAYERS)]
    return {"same": [base] * LAYERS, "doubling": doubling, "halving": doubling[::-1]}[strategy]


SPECS = (
    BackboneSpec(
        name="configurable_cnn",
        make=configurable_cnn,
        head=HEAD,
        stages=block_stages,
        sizes="chosen",
        options={
            "filter_strategy": one_of(
                "halving", "doubling", "same", doc="how the filters go on from layer to layer"
            ),
            "base_filters": count(32, doc="filters of the layer that has the fewest"),
            "kernel_size": odd_sizes(3, LAYERS, doc="of every convolution, or of each"),
            "activation": activation_option(),
            "batch_norm": flag(True, doc="after every convolution"),
            "dense_neurons": count(256, doc="of the layer before the outputs"),
            "dropout": share(0.3, doc="probability after the dense layer"),
        },
    ),
)
