"""Decode one image: its pixels at the size of the store, or the reason why it cannot be used.

The rules, for files (decoded by Pillow) and for arrays alike:

* A picture is read to its last byte; a truncated or damaged one is quarantined, with the reason.
* The orientation that a camera wrote (EXIF) is applied.
* Transparent pixels are laid over white. Grey becomes three equal channels.
* 16-bit pixels keep their high byte, so 0..65535 becomes 0..255. 32-bit integers and floats are
  quarantined: nothing says which of their values is white.
* Animations and documents of several pages are quarantined: nothing says which frame the label
  is about. (Layers of a PSD and the second picture in some cameras' JPEGs are ignored.)
* The largest centred square is cut out and resized (bicubic, antialiased); a picture that already
  has the size is taken as it is.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from graft.images.file_tree import readable_formats

if TYPE_CHECKING:
    from PIL import Image

    from graft.images.listing import Pixels

    Content: TypeAlias = bytes | Pixels | "Decoded"

# To be raised by whoever changes these rules: pixels on disk are then made anew.
RULE = 1
FIRST_IS_THE_PICTURE = ("MPO", "PSD")  # formats whose further frames are previews or layers


class UnusableImageError(Exception):
    """An image that is readable and yet has no certain meaning; the message is the reason."""


class Outcome(NamedTuple):
    """How the decoding of one image ended.

    `width` and `height` are the picture's pixels before the crop, as oriented; `sha256` is of the
    file, or of an array's pixels, and empty where it could not be read; `reason` is empty if well.
    """

    width: int = 0
    height: int = 0
    sha256: str = ""
    reason: str = ""


class Decoded(NamedTuple):
    """An image that need not be decoded, or cannot be: `pixels` is None where there is a reason."""

    outcome: Outcome
    pixels: Pixels | None = None


def decode_batch(
    contents: Iterable[Content], size: int, max_pixels: int
) -> tuple[Pixels, list[Outcome]]:
    """Decode some images; whatever is wrong with one becomes its reason, never a crash.

    Args:
        contents: Encoded files, or uint8 pixels (H, W) or (H, W, 3); what is decoded already is
            passed on.
        size: Side length S of the decoded squares.
        max_pixels: A picture of more pixels (width times height) is not decoded.

    Returns:
        The pixels of the usable ones, uint8 (M, S, S, 3), and the outcomes of all.
    """
    results = [
        content if isinstance(content, Decoded) else _decode(content, size, max_pixels)
        for content in contents
    ]
    usable = [result.pixels for result in results if result.pixels is not None]
    pixels = np.stack(usable) if usable else np.empty((0, size, size, 3), dtype=np.uint8)
    return pixels, [result.outcome for result in results]


def hash_content(content: Content) -> str:
    """The SHA-256 of an encoded file, or of an array's pixels."""
    if isinstance(content, Decoded):
        return content.outcome.sha256
    encoded = content if isinstance(content, bytes) else np.ascontiguousarray(content).data
    return hashlib.sha256(encoded).hexdigest()


def describe_error(error: Exception) -> str:
    """One printable line, the same on every run: addresses of objects are taken out."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, UnusableImageError):
        return str(error)
    if isinstance(error, UnidentifiedImageError):
        return "not an image, or damaged in its head"
    if isinstance(error, Image.DecompressionBombError):
        return "more pixels than Pillow's own cap"
    text = re.sub(r" at 0x[0-9a-f]+", "", " ".join(str(error).split()))
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def _decode(content: bytes | Pixels, size: int, max_pixels: int) -> Decoded:
    sha256 = ""
    try:
        sha256 = hash_content(content)
        image = _open_upright(content, max_pixels)
        pixels = np.asarray(_crop_and_resize(image, size))
    except Exception as error:  # Pillow's readers raise nearly everything on damaged files
        return Decoded(Outcome(sha256=sha256, reason=describe_error(error)))
    return Decoded(Outcome(*image.size, sha256), pixels)


def _open_upright(content: bytes | Pixels, max_pixels: int) -> Image.Image:
    """The whole picture as 8-bit RGB, the right way up."""
    from PIL import Image, ImageOps

    if not isinstance(content, bytes):
        return _from_array(content, max_pixels)
    if not content:
        raise UnusableImageError("empty file")
    with Image.open(io.BytesIO(content), formats=readable_formats()) as image:
        _check_pixels(*image.size, max_pixels)
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format not in FIRST_IS_THE_PICTURE:
            raise UnusableImageError(f"{frames} frames or pages; save the one you mean by itself")
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        return _to_rgb(image)


def _from_array(pixels: Pixels, max_pixels: int) -> Image.Image:
    from PIL import Image

    is_picture = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if pixels.dtype != np.uint8 or not is_picture or not pixels.size:
        raise UnusableImageError(
            f"an array of {pixels.dtype} {pixels.shape} is no image of uint8 pixels"
        )
    _check_pixels(pixels.shape[1], pixels.shape[0], max_pixels)
    return Image.fromarray(pixels).convert("RGB")


def _check_pixels(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise UnusableImageError(
            f"{width} x {height} pixels, more than images.max_pixels: {max_pixels}"
        )


def _to_rgb(image: Image.Image) -> Image.Image:
    from PIL import Image

    # Pillow holds 16-bit grey of a PGM file as "I", scaled to 0..65535 already.
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        kind = "32-bit integer" if image.mode == "I" else "floating-point"
        raise UnusableImageError(
            f"{kind} pixels, whose white is not defined; save with 8 or 16 bits"
        )
    if image.has_transparency_data:
        picture = image.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _crop_and_resize(image: Image.Image, size: int) -> Image.Image:
    from PIL import Image

    width, height = image.size
    if (width, height) == (size, size):
        return image
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    return image.resize((size, size), Image.Resampling.BICUBIC, box=box)
