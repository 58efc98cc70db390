"""MNIST and its successors: four files of the idx format, as they are or gzipped.

The format: two zero bytes, a byte for the type (8: unsigned bytes), a byte for the number of
dimensions, each dimension as four bytes, most significant first, and then the numbers.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graft.errors import GraftError
from graft.images.download import RemoteFile, fetch
from graft.images.file_tree import MAX_FILE_BYTES
from graft.images.listing import ImageListing
from graft.images.sources.arrays import ArrayPart, list_arrays

if TYPE_CHECKING:
    from graft.images.listing import Pixels

# From part to the files of its images and labels.
FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
LAYOUT = "a folder of the four files train-images-idx3-ubyte … (.gz or unpacked)"


@dataclass(frozen=True)
class IdxCollection:
    """One of the collections.

    Attributes:
        name: The source's name.
        title: The collection's name, and but for the hyphen that of torchvision's folder.
        class_names: In the order of the labels.
        images_per_class: For each part the images of each class, as published. The collections'
            files have the same names and sizes; this tells them apart.
        archives: The four files, gzipped.
    """

    name: str
    title: str
    class_names: tuple[str, ...]
    images_per_class: Mapping[str, Sequence[int]]
    archives: tuple[RemoteFile, ...]


def list_idx(collection: IdxCollection, folder: Path | None, download_folder: Path) -> ImageListing:
    """List a collection from a local copy, or download it.

    Args:
        collection: Which.
        folder: The folder of the four files, or torchvision's folder that holds them as
            `<title>/raw`. None downloads.
        download_folder: A download goes into its folder of the source's name.

    Raises:
        GraftError: The copy is incomplete, damaged or of another collection, or there is none and
            no network.
    """
    if folder is None:
        root = download_folder / collection.name
        for archive in collection.archives:
            fetch(archive, root, LAYOUT)
    else:
        root = _find_root(collection, folder)
    return _list_files(collection, root)


def read_idx(path: Path, dimensions: int) -> Pixels:
    """The uint8 array of an idx file, gzipped or not, whatever its name ends in.

    Raises:
        GraftError: It is torn, or another kind of file.
    """
    import numpy as np

    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            head = np.frombuffer(file.read(4 * (1 + dimensions)), dtype=">u4").tolist()
            if len(head) <= dimensions or head[0] != 0x800 + dimensions:
                raise GraftError(f"'{path}' is no idx file of {dimensions} dimensions.")
            shape = head[1:]
            size = math.prod(shape)
            if size > MAX_FILE_BYTES:
                raise GraftError(f"'{path}': {shape} are more than {MAX_FILE_BYTES} bytes.")
            content = file.read(size + 1)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise GraftError(f"'{path}' is damaged: {error}.") from error
    if len(content) != size:
        raise GraftError(f"'{path}' is damaged: not the {size} bytes that its head declares.")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _list_files(collection: IdxCollection, root: Path) -> ImageListing:
    import numpy as np

    parts = []
    for part, (images_file, labels_file) in FILES.items():
        images = read_idx(_find_file(root, images_file), 3)
        labels = read_idx(_find_file(root, labels_file), 1)
        counts = np.bincount(labels, minlength=len(collection.class_names)).tolist()
        if counts != list(collection.images_per_class[part]) or len(images) != len(labels):
            raise GraftError(
                f"'{root}' is not {collection.title}: the {part} part has {len(images)} images and "
                f"the labels {counts}, counted by class."
            )
        parts.append(ArrayPart(part, images, labels))
    return list_arrays(collection.name, parts, collection.class_names)


def _find_root(collection: IdxCollection, folder: Path) -> Path:
    own = collection.title.replace("-", "")
    names = [name for part in FILES.values() for name in part]
    for root in (folder, folder / "raw", folder / own / "raw"):
        if all(_find_file(root, name).is_file() for name in names):
            return root
    missing = ", ".join(name for name in names if not _find_file(folder, name).is_file())
    raise GraftError(f"'{folder}' lacks {missing}. source.folder has to be {LAYOUT}.")


def _find_file(root: Path, name: str) -> Path:
    return root / name if (root / name).is_file() else root / f"{name}.gz"
