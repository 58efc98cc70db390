"""Images in a .npy file: written piece by piece, shared by a link, mapped into memory."""

from __future__ import annotations

import io
import math
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from graft.images.arrays import ImageArray
    from graft.images.listing import Pixels


class PixelWriter:
    """Appends images to a .npy file, which is complete once `finish` has been called.

    It writes and does not map the file into memory: there a full disk is a signal that kills the
    process, and what was written counts as its memory.
    """

    def __init__(self, file: IO[bytes], image_shape: tuple[int, ...], keep: int) -> None:
        """
        Args:
            file: Open for reading and writing.
            image_shape: (H, W, 3).
            keep: So many images of the file are kept; what follows them is cut off.
        """
        self._file, self._shape, self._count = file, image_shape, keep
        self.finish()
        file.truncate(file.tell() + keep * math.prod(image_shape))
        file.seek(0, os.SEEK_END)

    def append(self, images: Pixels) -> None:
        """Write uint8 images (M, H, W, 3) behind those that are there."""
        import numpy as np

        self._file.write(np.ascontiguousarray(images).data)
        self._count += len(images)

    def sync(self) -> None:
        """Wait until all that was written is on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def finish(self) -> None:
        """Write into the header how many images there are."""
        self._file.seek(0)
        self._file.write(_header((self._count, *self._shape)))


@contextmanager
def pixel_writer(path: Path, image_shape: tuple[int, ...], keep: int = 0) -> Iterator[PixelWriter]:
    """A `PixelWriter` on a file that is made unless it exists, and finished after the block."""
    with path.open("r+b" if path.exists() else "w+b") as file:
        writer = PixelWriter(file, image_shape, keep)
        yield writer
        writer.finish()


def count_images(path: Path, image_shape: tuple[int, ...]) -> int:
    """How many whole images lie in an unfinished file; 0 where there is none."""
    if not path.exists():
        return 0
    pixels = path.stat().st_size - len(_header((0, *image_shape)))
    return max(0, pixels // math.prod(image_shape))


def write_images(path: Path, images: ImageArray) -> None:
    """Write images to a new .npy file; if they are such a file, mapped into memory, link it.

    A link takes neither room nor time, and either name outlives the other. Where the file system
    has none, or another file lies there by now, the images are copied in chunks.
    """
    from graft.images.arrays import in_chunks

    source = _mapped_file(images)
    if source is not None:
        with suppress(OSError):
            os.link(source, path)
            if _holds(path, images):
                return
            path.unlink()
    with pixel_writer(path, images.shape[1:]) as writer:
        for _, chunk in in_chunks(images):
            writer.append(chunk)


def map_images(path: Path) -> Pixels:
    """The images of a .npy file, read when they are looked at."""
    import numpy as np

    images: Pixels = np.load(path, mmap_mode="r", allow_pickle=False)
    return images


def _mapped_file(images: ImageArray) -> Path | None:
    """The file that an array is all of, or None where it is anything else."""
    import numpy as np

    # A part of a mapped array has that array as its base, and not the map itself.
    is_mapped = isinstance(images, np.memmap) and isinstance(images.base, mmap.mmap)
    return Path(images.filename) if is_mapped and images.filename else None


def _holds(path: Path, images: ImageArray) -> bool:
    """Whether the file has just these images: the one that was mapped may have been replaced."""
    import numpy as np

    from graft.images.arrays import in_chunks

    stored = map_images(path)
    return stored.shape == images.shape and all(
        np.array_equal(chunk, stored[start : start + len(chunk)])
        for start, chunk in in_chunks(images)
    )


def _header(shape: tuple[int, ...]) -> bytes:
    """As long for any number of images, for numpy leaves room for that number to grow."""
    import numpy as np
    from numpy.lib import format as npy

    header = io.BytesIO()
    described = {"descr": np.dtype(np.uint8).str, "fortran_order": False, "shape": shape}
    npy.write_array_header_1_0(header, described)
    return header.getvalue()
