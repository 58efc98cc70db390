"""CIFAR-10: 50,000 training and 10,000 test images, 32x32 RGB, ten classes."""

from __future__ import annotations

import tarfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from graft.errors import GraftError
from graft.images.download import download
from graft.images.listing import ImageListing, SourceSpec
from graft.images.sources import folder as class_folder

if TYPE_CHECKING:
    from graft.images.listing import Pixels

# In the order of the original labels 0 to 9.
CLASS_NAMES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
BATCHES_FOLDER = "cifar-10-batches-py"
BATCH_FILES = (*(f"data_batch_{n}" for n in range(1, 6)), "test_batch", "batches.meta")

ARCHIVE_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
ARCHIVE_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
ARCHIVE_BYTES = 170_498_071


def list_images(folder: Path | None, download_folder: Path) -> ImageListing:
    """List CIFAR-10 from a local copy, or download it.

    Args:
        folder: A local copy: either the original `cifar-10-batches-py` (or the folder that holds
            it), or image files as `train/<class>/*.png` and `test/<class>/*.png`, also zipped.
            None downloads the original.
        download_folder: Where a download goes and is found again.

    Raises:
        GraftError: The copy is incomplete or changed, or there is none and no network.
    """
    if folder is None:
        if not _has_batches(download_folder):
            _download_batches(download_folder)
        return _list_batches(download_folder)
    if folder.name == BATCHES_FOLDER:
        return _list_batches(folder.parent)
    if (folder / BATCHES_FOLDER).is_dir():
        return _list_batches(folder)
    return _list_image_files(folder)


def _list_image_files(folder: Path) -> ImageListing:
    listing = class_folder.list_images(folder, folder)
    if set(listing.class_names) != set(CLASS_NAMES):
        raise GraftError(
            f"'{folder}' is not CIFAR-10: its classes are {', '.join(listing.class_names)} instead "
            f"of {', '.join(CLASS_NAMES)}. For other images use source.name: folder."
        )
    if "test" not in set(listing.records["split"]):
        raise GraftError(
            f"'{folder}' lacks CIFAR-10's test part: it must hold train/<class> and test/<class>."
        )
    return replace(listing, name="cifar10", class_names=CLASS_NAMES)


def _list_batches(root: Path) -> ImageListing:
    import pandas as pd
    from torchvision.datasets import CIFAR10

    # The original batches are pickles, which could run any code. torchvision unpickles a file only
    # after its md5 equals the published one, so nothing but the authors' own files is ever loaded.
    try:
        parts = {"train": CIFAR10(str(root), train=True), "test": CIFAR10(str(root), train=False)}
    except RuntimeError as error:
        raise GraftError(
            f"'{root / BATCHES_FOLDER}' is incomplete or differs from the published CIFAR-10. "
            f"Remove it and unpack {ARCHIVE_URL} there anew."
        ) from error
    pixels: dict[str, Pixels] = {}
    rows = []
    for part, images in parts.items():
        for index, (image, target) in enumerate(zip(images.data, images.targets, strict=True)):
            name = f"{part}/{index:05d}"
            pixels[name] = image
            rows.append((name, CLASS_NAMES[target], part))
    records = pd.DataFrame(rows, columns=["id", "label", "split"])
    return ImageListing("cifar10", records, CLASS_NAMES, pixels.__getitem__)


def _has_batches(root: Path) -> bool:
    return all((root / BATCHES_FOLDER / name).is_file() for name in BATCH_FILES)


def _download_batches(root: Path) -> None:
    archive = root / "cifar-10-python.tar.gz"
    if not archive.is_file():
        try:
            download(ARCHIVE_URL, archive, sha256=ARCHIVE_SHA256, size=ARCHIVE_BYTES)
        except GraftError as error:
            raise GraftError(
                f"{error} Where there is no network, fetch the file elsewhere and put it into "
                f"'{root}', or set source.folder to a folder (or zip) of CIFAR-10 as "
                "train/<class>/*.png and test/<class>/*.png."
            ) from error
    try:
        _unpack_batches(archive, root / BATCHES_FOLDER)
    except (tarfile.TarError, zlib.error, EOFError, KeyError) as error:
        raise GraftError(f"'{archive}' is damaged ({error}). Remove it and run again.") from error


def _unpack_batches(archive: Path, target: Path) -> None:
    """Take the seven files by name: no other member, path or link of the archive is looked at."""
    target.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as tar:
        for name in BATCH_FILES:
            member = tar.extractfile(f"{BATCHES_FOLDER}/{name}")
            if member is None:
                raise tarfile.TarError(f"'{name}' is not an ordinary file")
            (target / name).write_bytes(member.read(ARCHIVE_BYTES))


SPEC = SourceSpec(
    name="cifar10",
    title="CIFAR-10, 60,000 photographs of 10 classes, 32x32 RGB",
    list_images=list_images,
    licence="none stated; for research",
    citation="Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images",
)
