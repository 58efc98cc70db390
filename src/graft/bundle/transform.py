"""From a file to the pixels that a classifier was trained on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from graft.images.decoder import RULE
from graft.images.decoding_processes import decode_in_order
from graft.images.file_tree import read_file

if TYPE_CHECKING:
    from graft.images.decoder import Content, Outcome
    from graft.images.listing import Pixels

    GivenImage: TypeAlias = str | Path | bytes | Pixels

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Transform:
    """How images are read: `graft.images.decoder` with these constants, as in `ingest`.

    Resizing to a network's input size and normalisation are the network's own.

    Attributes:
        size: Side length S in pixels of the squares that the network was trained on.
        max_pixels: A picture of more pixels (width times height) is not decoded.
        rule: The number of the decoder's rules.
    """

    size: int
    max_pixels: int
    rule: int = RULE

    def decode(
        self, read: Callable[[int], Content], count: int
    ) -> Iterator[tuple[Pixels, list[Outcome]]]:
        """Decode images, in processes of their own where they are many.

        Args:
            read: From a row to an encoded file's bytes, or uint8 pixels (H, W) or (H, W, 3). What
                it raises becomes the image's reason.
            count: How many rows there are.

        Yields:
            Of each batch the usable pixels, uint8 (M, S, S, 3), and the outcomes of all its rows.
        """
        if self.rule != RULE:
            logger.warning(
                "Images are decoded by other rules (%d) than those of the bundle's training (%d): "
                "its answers may differ a little.",
                RULE,
                self.rule,
            )
        return decode_in_order(read, range(count), size=self.size, max_pixels=self.max_pixels)


def as_content(image: GivenImage) -> Content:
    """A path's file, or what was given.

    Raises:
        OSError: There is no such file, or it is no ordinary one.
    """
    return read_file(Path(image).expanduser()) if isinstance(image, str | Path) else image
