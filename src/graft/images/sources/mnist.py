"""MNIST: 60,000 training and 10,000 test images of handwritten digits, 28x28 grey."""

from __future__ import annotations

from pathlib import Path

from graft.images.download import RemoteFile
from graft.images.listing import ImageListing
from graft.images.sources.idx import IdxCollection, list_idx
from graft.images.sources.spec import SourceSpec

_SITE = "https://ossci-datasets.s3.amazonaws.com/mnist"
MNIST = IdxCollection(
    name="mnist",
    title="MNIST",
    class_names=tuple(str(digit) for digit in range(10)),
    images_per_class={
        "train": (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        "test": (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    },
    archives=(
        RemoteFile(
            f"{_SITE}/train-images-idx3-ubyte.gz",
            size=9_912_422,
            sha256="440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        RemoteFile(
            f"{_SITE}/train-labels-idx1-ubyte.gz",
            size=28_881,
            sha256="3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        RemoteFile(
            f"{_SITE}/t10k-images-idx3-ubyte.gz",
            size=1_648_877,
            sha256="8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        RemoteFile(
            f"{_SITE}/t10k-labels-idx1-ubyte.gz",
            size=4_542,
            sha256="f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
)


def list_images(folder: Path | None, download_folder: Path) -> ImageListing:
    """List MNIST; see `list_idx`."""
    return list_idx(MNIST, folder, download_folder)


SPEC = SourceSpec(
    name="mnist",
    title="MNIST, 70,000 handwritten digits, 28x28 grey",
    list_images=list_images,
    licence="CC BY-SA 3.0",
    citation="LeCun et al. (1998), Gradient-Based Learning Applied to Document Recognition",
)
