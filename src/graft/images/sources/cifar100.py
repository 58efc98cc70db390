"""CIFAR-100: 50,000 training and 10,000 test images, 32x32 RGB, 100 classes (the fine labels)."""

from __future__ import annotations

from pathlib import Path

from graft.images.download import RemoteFile
from graft.images.listing import ImageListing
from graft.images.sources.cifar_batches import CifarBatches, list_cifar
from graft.images.sources.spec import SourceSpec

# In the order of the original fine labels 0 to 99, which is that of the alphabet.
CLASS_NAMES = (
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle",
    "bottle", "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle",
    "caterpillar", "cattle", "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch",
    "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish", "forest", "fox",
    "girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion",
    "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom",
    "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree",
    "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road",
    "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake",
    "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank",
    "telephone", "television", "tiger", "tractor", "train", "trout", "tulip", "turtle",
    "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm",
)  # fmt: skip

CIFAR100 = CifarBatches(
    name="cifar100",
    title="CIFAR-100",
    folder="cifar-100-python",
    files=("train", "test", "meta"),
    class_names=CLASS_NAMES,
    archive=RemoteFile(
        "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
        size=169_001_437,
        sha256="85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    ),
)


def list_images(folder: Path | None, download_folder: Path) -> ImageListing:
    """List CIFAR-100; see `list_cifar`."""
    return list_cifar(CIFAR100, folder, download_folder)


SPEC = SourceSpec(
    name="cifar100",
    title="CIFAR-100, 60,000 photographs of 100 classes, 32x32 RGB",
    list_images=list_images,
    licence="none stated; for research",
    citation="Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images",
)
