"""Decode, orient, crop and resize every image once, and quarantine what cannot be trusted.

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
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from graft.compute import available_processors
from graft.errors import GraftError
from graft.images.file_tree import readable_formats

if TYPE_CHECKING:
    import pandas as pd
    from PIL import Image

    from graft.images.listing import ImageListing, Pixels

REASONS_SHOWN = 5
FIRST_IS_THE_PICTURE = ("MPO", "PSD")  # formats whose further frames are previews or layers


class UnusableImageError(Exception):
    """An image that is readable and yet has no certain meaning; the message is the reason."""


@dataclass(frozen=True, eq=False)
class DecodedImages:
    """What became of a listing.

    Attributes:
        images: uint8 (N, S, S, 3), in the listing's order.
        records: Row i describes images[i]: `id`, `label`, `split`, `width` and `height` (pixels
            before the crop, as oriented) and `sha256` (of the file, or of an array's pixels).
        quarantine: What was left out: `id`, `label`, `reason`, `sha256` ("" where not readable).
        class_names: The listing's classes.
        source: The listing's name.
    """

    images: Pixels
    records: pd.DataFrame
    quarantine: pd.DataFrame
    class_names: tuple[str, ...]
    source: str


class Outcome(NamedTuple):
    """How the decoding of one image ended; `reason` is empty if well."""

    width: int = 0
    height: int = 0
    sha256: str = ""
    reason: str = ""


def decode_images(
    listing: ImageListing,
    size: int,
    *,
    max_pixels: int,
    track: Callable[[Iterable[Any], str, int], Iterable[Any]] | None = None,
) -> DecodedImages:
    """Decode a whole listing on all processors; the result does not depend on their number.

    Args:
        listing: The images and how to read them.
        size: Side length S of the decoded squares in pixels.
        max_pixels: A picture of more pixels (width times height) is quarantined undecoded.
        track: Shows progress, as `graft.progress.track` does; None shows none.
    """
    import pandas as pd

    total = len(listing.records)
    images = np.zeros((total, size, size, 3), dtype=np.uint8)
    decode = partial(_decode_into, read=listing.read, max_pixels=max_pixels)
    # Threads suffice: Pillow releases the interpreter's lock while it decodes and resizes.
    pool = ThreadPoolExecutor(available_processors())
    try:
        outcomes: Iterable[Outcome] = pool.map(decode, images, listing.records["id"])
        if track is not None:
            outcomes = track(outcomes, "Decoding images", total)
        found = pd.DataFrame(list(outcomes), columns=list(Outcome._fields))
    finally:
        pool.shutdown(cancel_futures=True)  # an interrupted run does not decode the rest first

    table = pd.concat([listing.records.reset_index(drop=True), found], axis=1)
    good = (table["reason"] == "").to_numpy(dtype=bool)
    columns = ["id", "label", "split", "width", "height", "sha256"]
    return DecodedImages(
        images=images if good.all() else _compact(images, good),
        records=table.loc[good, columns].reset_index(drop=True),
        quarantine=table.loc[~good, ["id", "label", "reason", "sha256"]].reset_index(drop=True),
        class_names=listing.class_names,
        source=listing.name,
    )


def check_audit(
    decoded: DecodedImages, *, max_quarantined_share: float, min_images_per_class: int
) -> None:
    """Refuse a collection that decoding has shown to be unfit for training.

    Raises:
        GraftError: More than `max_quarantined_share` (0 to 1) of the images are quarantined, a
            class keeps fewer than `min_images_per_class`, or there are fewer than two classes.
    """
    kept, lost = len(decoded.records), len(decoded.quarantine)
    if lost > max_quarantined_share * (kept + lost):
        first = decoded.quarantine.head(REASONS_SHOWN)
        lines = [f"  {row.id}: {row.reason}" for row in first.itertuples()]
        lines += ["  …"] if lost > REASONS_SHOWN else []
        raise GraftError(
            f"{lost} of {kept + lost} images are quarantined, more than "
            f"images.max_quarantined_share: {max_quarantined_share} allows. Mend or remove them, "
            "or raise the share:\n" + "\n".join(lines)
        )
    counts = decoded.records["label"].value_counts()
    labels = sorted({*decoded.records["label"], *decoded.quarantine["label"]})
    for label in labels:
        count = int(counts.get(label, 0))
        if count < min_images_per_class:
            raise GraftError(
                f"The class '{label}' has {count} usable images, fewer than "
                f"images.min_images_per_class: {min_images_per_class}. Add images or remove it."
            )
    if len(labels) < 2:
        raise GraftError(
            f"A classifier needs images of at least two classes; here is {labels or 'no image'}."
        )


def _decode_into(
    target: Pixels, image_id: str, *, read: Callable[[str], bytes | Pixels], max_pixels: int
) -> Outcome:
    """Decode one image into its slot; whatever goes wrong becomes a reason, never a crash."""
    sha256 = ""
    try:
        content = read(image_id)
        encoded = content if isinstance(content, bytes) else np.ascontiguousarray(content).data
        sha256 = hashlib.sha256(encoded).hexdigest()
        image = _open_upright(content, max_pixels)
        target[:] = np.asarray(_crop_and_resize(image, target.shape[0]))
    except Exception as error:  # Pillow's readers raise nearly everything on damaged files
        return Outcome(sha256=sha256, reason=_describe(error))
    return Outcome(*image.size, sha256)


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


def _compact(images: Pixels, good: np.ndarray[Any, np.dtype[np.bool_]]) -> Pixels:
    """Close the gaps of the quarantined in place; a copy would need the memory twice."""
    kept = np.flatnonzero(good)
    for target, source in enumerate(kept):
        if target != source:
            images[target] = images[source]
    return images[: len(kept)]


def _describe(error: Exception) -> str:
    """One line, the same on every run: addresses of objects are taken out."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, UnusableImageError):
        return str(error)
    if isinstance(error, UnidentifiedImageError):
        return "not an image, or damaged in its head"
    if isinstance(error, Image.DecompressionBombError):
        return "more pixels than Pillow's own cap"
    text = re.sub(r" at 0x[0-9a-f]+", "", " ".join(str(error).split()))
    name = type(error).__name__
    return f"{name}: {text}" if text else name
