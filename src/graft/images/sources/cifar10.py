"""CIFAR-10: 50,000 training and 10,000 test images, 32x32 RGB, ten classes."""

from __future__ import annotations

from pathlib import Path

from graft.images.download import RemoteFile
from graft.images.listing import ImageListing
from graft.images.sources.cifar_batches import CifarBatches, list_cifar
from graft.images.sources.spec import SourceSpec

# In the order of the original labels 0 to 9.
CLASS_NAMES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip

CIFAR10 = CifarBatches(
    name="cifar10",
    title="CIFAR-10",
    folder="cifar-10-batches-py",
    files=(*(f"data_batch_{n}" for n in range(1, 6)), "test_batch", "batches.meta"),
    class_names=CLASS_NAMES,
    archive=RemoteFile(
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        size=170_498_071,
        sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    ),
)


def list_images(folder: Path | None, download_folder: Path) -> ImageListing:
    """List CIFAR-10; see `list_cifar`."""
    return list_cifar(CIFAR10, folder, download_folder)


SPEC = SourceSpec(
    name="cifar10",
    title="CIFAR-10, 60,000 photographs of 10 classes, 32x32 RGB",
    list_images=list_images,
    licence="none stated; for research",
    citation="Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images",
)
