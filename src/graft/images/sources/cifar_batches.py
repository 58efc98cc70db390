"""CIFAR-10 and CIFAR-100 from their original batches or from image files.

The batches are pickles, which could run any code. torchvision unpickles a file only after its md5
equals the published one, so nothing but the authors' own files is ever loaded.
"""

from __future__ import annotations

import tarfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

from graft.errors import GraftError
from graft.images.download import RemoteFile, fetch
from graft.images.listing import ImageListing
from graft.images.sources import folder as class_folder
from graft.images.sources.arrays import ArrayPart, list_arrays
from graft.images.sources.published import check_classes


@dataclass(frozen=True)
class CifarBatches:
    """One of the two collections.

    Attributes:
        name: The source's name.
        title: The collection's name, and but for the hyphen that of torchvision's class.
        folder: The folder of the batches.
        files: Names of the batches and of the file of names.
        class_names: In the order of the original labels.
        archive: The original archive.
    """

    name: str
    title: str
    folder: str
    files: tuple[str, ...]
    class_names: tuple[str, ...]
    archive: RemoteFile


def list_cifar(cifar: CifarBatches, folder: Path | None, download_folder: Path) -> ImageListing:
    """List one of the two from a local copy, or download it.

    Args:
        cifar: Which.
        folder: A local copy: either the original folder of batches (or the folder that holds it),
            or image files as `train/<class>/*.png` and `test/<class>/*.png`, also zipped. None
            downloads the original.
        download_folder: Where a download goes and is found again.

    Raises:
        GraftError: The copy is incomplete or changed, or there is none and no network.
    """
    if folder is None:
        if not _has_batches(cifar, download_folder):
            _download_batches(cifar, download_folder)
        return _list_batches(cifar, download_folder)
    if folder.name == cifar.folder:
        return _list_batches(cifar, folder.parent)
    if (folder / cifar.folder).is_dir():
        return _list_batches(cifar, folder)
    return _list_image_files(cifar, folder)


def _list_image_files(cifar: CifarBatches, folder: Path) -> ImageListing:
    listing = class_folder.list_images(folder, folder)
    check_classes(listing, folder, cifar.title, cifar.class_names)
    if "test" not in set(listing.records["split"]):
        raise GraftError(
            f"'{folder}' lacks {cifar.title}'s test part: it must hold train/<class> and "
            "test/<class>."
        )
    return replace(listing, name=cifar.name, class_names=cifar.class_names)


def _list_batches(cifar: CifarBatches, root: Path) -> ImageListing:
    from torchvision import datasets

    load = getattr(datasets, cifar.title.replace("-", ""))
    try:
        loaded = {"train": load(str(root), train=True), "test": load(str(root), train=False)}
    except RuntimeError as error:
        raise GraftError(
            f"'{root / cifar.folder}' is incomplete or differs from the published {cifar.title}. "
            f"Remove it and unpack {cifar.archive.url} there anew."
        ) from error
    parts = [ArrayPart(part, each.data, each.targets) for part, each in loaded.items()]
    return list_arrays(cifar.name, parts, cifar.class_names)


def _has_batches(cifar: CifarBatches, root: Path) -> bool:
    return all((root / cifar.folder / name).is_file() for name in cifar.files)


def _download_batches(cifar: CifarBatches, root: Path) -> None:
    archive = root / cifar.archive.name
    if not archive.is_file():  # an archive is not checked, for each of its files is
        instead = (
            f"a folder (or zip) of {cifar.title} as train/<class>/*.png and test/<class>/*.png"
        )
        fetch(cifar.archive, root, instead)
    try:
        _unpack_batches(cifar, archive, root / cifar.folder)
    except (tarfile.TarError, zlib.error, EOFError, KeyError) as error:
        raise GraftError(f"'{archive}' is damaged ({error}). Remove it and run again.") from error


def _unpack_batches(cifar: CifarBatches, archive: Path, target: Path) -> None:
    """Take the files by name: no other member, path or link of the archive is looked at."""
    target.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as tar:
        for name in cifar.files:
            member = tar.extractfile(f"{cifar.folder}/{name}")
            if member is None:
                raise tarfile.TarError(f"'{name}' is not an ordinary file")
            (target / name).write_bytes(member.read(cifar.archive.size))
