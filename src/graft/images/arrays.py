"""Images as arrays that need not lie in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

    from graft.images.listing import Pixels
    from graft.images.store import Indices

CHUNK_BYTES = 2 * 2**20


class ImageArray(Protocol):
    """uint8 (N, H, W, 3): an array, a memory-mapped file, or a selection from one.

    An index, a slice or an array of positions gives pixels; whoever wants all asks in chunks.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any, /) -> Any: ...


class SelectedImages:
    """Some images of an array, in the order of `rows`, read when they are asked for.

    Args:
        images: uint8 (N, H, W, 3).
        rows: int64 (M,), positions in `images`.
    """

    def __init__(self, images: ImageArray, rows: Indices) -> None:
        self._images, self._rows = images, rows

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self._rows), *self._images.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._images.dtype

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, key: Any) -> Any:
        return self._images[self._rows[key]]


def in_chunks(images: ImageArray, chunk_bytes: int = CHUNK_BYTES) -> Iterator[tuple[int, Pixels]]:
    """All images, so many bytes at a time, each chunk with the position of its first."""
    height, width = images.shape[1:3]
    many = max(1, chunk_bytes // max(1, 3 * height * width))
    for start in range(0, len(images), many):
        yield start, images[start : start + many]
