"""Fashion-MNIST: 60,000 training and 10,000 test images of clothing, 28x28 grey, ten classes."""

from __future__ import annotations

from pathlib import Path

from graft.images.download import RemoteFile
from graft.images.listing import ImageListing
from graft.images.sources.idx import IdxCollection, list_idx
from graft.images.sources.spec import SourceSpec

# In the order of the original labels 0 to 9.
CLASS_NAMES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
    "Ankle boot",
)  # fmt: skip

# The authors' own repository; their older address is not reachable by https.
_SITE = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion"
FASHION_MNIST = IdxCollection(
    name="fashion_mnist",
    title="Fashion-MNIST",
    class_names=CLASS_NAMES,
    images_per_class={"train": [6000] * 10, "test": [1000] * 10},
    archives=(
        RemoteFile(
            f"{_SITE}/train-images-idx3-ubyte.gz",
            size=26_421_880,
            sha256="3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        RemoteFile(
            f"{_SITE}/train-labels-idx1-ubyte.gz",
            size=29_515,
            sha256="a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        RemoteFile(
            f"{_SITE}/t10k-images-idx3-ubyte.gz",
            size=4_422_102,
            sha256="346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        RemoteFile(
            f"{_SITE}/t10k-labels-idx1-ubyte.gz",
            size=5_148,
            sha256="67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
)


def list_images(folder: Path | None, download_folder: Path) -> ImageListing:
    """List Fashion-MNIST; see `list_idx`."""
    return list_idx(FASHION_MNIST, folder, download_folder)


SPEC = SourceSpec(
    name="fashion_mnist",
    title="Fashion-MNIST, 70,000 pieces of clothing of 10 classes, 28x28 grey",
    list_images=list_images,
    licence="MIT",
    citation="Xiao, Rasul and Vollgraf (2017), Fashion-MNIST",
)
