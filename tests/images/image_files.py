"""Makes small real image files, and archives of them, for the tests of `graft.images`."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from graft.images.download import RemoteFile
from graft.images.listing import ImageListing


def make_pixels(seed: int, height: int = 24, width: int = 32) -> np.ndarray:
    """A smooth colour gradient, different for every seed."""
    corners = np.random.default_rng(seed).integers(0, 256, (2, 2, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(corners).resize((width, height), Image.Resampling.BILINEAR))


def encode(picture: np.ndarray | Image.Image, image_format: str = "PNG", **options: Any) -> bytes:
    """The bytes of an image file."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def write_classes(root: Path, labels: tuple[str, ...] = ("cat", "dog"), count: int = 4) -> Path:
    """Write `count` images, PNG and JPEG in turn, into `root/<label>` for each label."""
    for class_index, label in enumerate(labels):
        (root / label).mkdir(parents=True)
        for number in range(count):
            pixels = make_pixels(100 * class_index + number)
            if number % 2:
                (root / label / f"{number}.png").write_bytes(encode(pixels))
            else:
                (root / label / f"{number}.JPG").write_bytes(encode(pixels, "JPEG"))
    return root


def without_state(listing: ImageListing) -> pd.DataFrame:
    """What is the same of a folder and of a zip of it."""
    return listing.records.drop(columns="state")


def zip_folder(folder: Path, archive: Path, prefix: str = "") -> Path:
    """A zip of everything under `folder`, each member's name after `prefix`."""
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, prefix + path.relative_to(folder).as_posix())
    return archive


def tar_folders(archive: Path, *folders: Path) -> Path:
    """A gzipped tar of whole folders, each under its own name."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:gz") as tar:
        for folder in folders:
            tar.add(folder, folder.name)
    return archive


def as_published(file: Path) -> RemoteFile:
    """What the source has to pin for this file to be the published one."""
    content = file.read_bytes()
    url = f"https://images.example/{file.name}"
    return RemoteFile(url, len(content), hashlib.sha256(content).hexdigest())
