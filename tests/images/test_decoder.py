"""Decoding one image: the right pixels, or the reason for the quarantine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from graft.images.decoder import Outcome, decode_batch, describe_error

from .image_files import encode, make_pixels


def decode(content: Any, size: int, max_pixels: int = 10**6) -> tuple[np.ndarray, Outcome]:
    pixels, (outcome,) = decode_batch([content], size, max_pixels)
    return pixels, outcome


def decode_one(content: Any, size: int = 24) -> np.ndarray:
    pixels, outcome = decode(content, size)
    assert not outcome.reason, outcome.reason
    return pixels[0]


def reason_for(content: Any, max_pixels: int = 10**6) -> str:
    pixels, outcome = decode(content, 8, max_pixels)
    assert pixels.shape == (0, 8, 8, 3)
    return outcome.reason


# --- Right pixels ---------------------------------------------------------------------------------


def test_an_image_of_the_right_size_is_taken_as_it_is() -> None:
    pixels = make_pixels(0, 24, 24)
    np.testing.assert_array_equal(decode_one(encode(pixels)), pixels)


@pytest.mark.parametrize(("height", "width"), [(24, 40), (41, 24)])
def test_the_centre_is_cut_out(height: int, width: int) -> None:
    pixels = make_pixels(0, height, width)
    top, left = (height - 24) // 2, (width - 24) // 2
    # A resize by 1 still interpolates where the margin is odd: half a pixel, a few grey levels.
    difference = decode_one(encode(pixels)).astype(int) - pixels[top : top + 24, left : left + 24]
    assert np.abs(difference).max() <= (0 if (height + width) % 2 == 0 else 8)


def test_shrinking_is_antialiased() -> None:
    """Without a filter, a fine chequerboard becomes black or white instead of grey."""
    board = np.indices((96, 96)).sum(axis=0) % 2 * 255
    small = decode_one(encode(np.repeat(board[..., None], 3, axis=2).astype(np.uint8)))
    assert np.abs(small[4:-4, 4:-4].astype(int) - 127).max() <= 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_camera_orientation_is_applied(orientation: int) -> None:
    pixels = make_pixels(1, 16, 24)
    stored = {
        1: pixels, 2: pixels[:, ::-1], 3: pixels[::-1, ::-1], 4: pixels[::-1],
        5: pixels.swapaxes(0, 1), 6: np.rot90(pixels, 1),
        7: pixels.swapaxes(0, 1)[::-1, ::-1], 8: np.rot90(pixels, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encode(np.ascontiguousarray(stored), exif=exif)
    decoded, outcome = decode(content, 16)
    np.testing.assert_array_equal(decoded[0], pixels[:, 4:20])
    assert (outcome.width, outcome.height) == (24, 16)


def test_transparent_pixels_become_white() -> None:
    rgba = np.zeros((24, 24, 4), dtype=np.uint8)
    rgba[:, :12, 3] = 255
    pixels = decode_one(encode(rgba))
    assert (pixels[:, :12] == 0).all()
    assert (pixels[:, 12:] == 255).all()


def test_a_palette_with_a_transparent_entry_becomes_white_there() -> None:
    image = Image.new("P", (24, 24), 0)
    image.putpalette([10, 20, 30, 200, 0, 0])
    image.paste(1, (0, 0, 12, 24))
    pixels = decode_one(encode(image, transparency=0))
    assert pixels[0, 0].tolist() == [200, 0, 0]
    assert pixels[0, 23].tolist() == [255, 255, 255]


@pytest.mark.parametrize("mode", ["L", "1", "LA", "P", "CMYK"])
def test_other_modes_become_rgb(mode: str) -> None:
    image_format = "TIFF" if mode == "CMYK" else "PNG"
    half = Image.new("L", (24, 24), 0)
    half.paste(255, (12, 0, 24, 24))
    pixels = decode_one(encode(half.convert("RGB").convert(mode), image_format))
    assert (pixels[:, :12] == 0).all()
    assert (pixels[:, 12:] == 255).all()


def ramp_of_16_bits() -> np.ndarray:
    return (np.arange(24 * 24, dtype=np.uint16) * 113).reshape(24, 24)


@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "PPM"])
def test_16_bit_grey_keeps_its_high_byte(image_format: str) -> None:
    pixels = decode_one(encode(ramp_of_16_bits(), image_format))
    expected = np.repeat((ramp_of_16_bits() >> 8)[..., None], 3, axis=2)
    np.testing.assert_array_equal(pixels, expected)


def test_16_bit_grey_of_the_other_byte_order_too() -> None:
    big_endian = Image.frombytes("I;16B", (24, 24), ramp_of_16_bits().astype(">u2").tobytes())
    pixels = decode_one(encode(big_endian, "TIFF"))
    np.testing.assert_array_equal(pixels[..., 0], ramp_of_16_bits() >> 8)


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 3)])
def test_arrays_are_decoded_like_files(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    np.testing.assert_array_equal(decode_one(pixels, 32), decode_one(encode(pixels), 32))


def test_a_photograph_with_a_second_picture_is_its_first() -> None:
    first, second = (Image.fromarray(make_pixels(seed, 24, 24)) for seed in (1, 2))
    content = encode(first, "MPO", save_all=True, append_images=[second], quality=95)
    difference = decode_one(content).astype(int) - make_pixels(1, 24, 24)
    assert np.abs(difference).mean() < 3


# --- Quarantine -----------------------------------------------------------------------------------


def animated(image_format: str) -> bytes:
    frames = [Image.fromarray(make_pixels(seed, 24, 24)) for seed in range(3)]
    return encode(frames[0], image_format, save_all=True, append_images=frames[1:])


PHOTO = make_pixels(3, 64, 64)
FLOATS = np.linspace(0, 1, 576, dtype=np.float32).reshape(24, 24)

BAD_IMAGES: dict[str, tuple[Any, str]] = {
    "empty": (b"", "empty file"),
    "text": (b"these are not the pixels", "not an image"),
    "html": (b"<!DOCTYPE html><title>404 Not Found</title>", "not an image"),
    "zeros": (bytes(4096), "not an image"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
    "pdf": (b"%PDF-1.4\n%", "not an image"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "not an image"),
    "png head": (encode(PHOTO)[:20], ""),
    "png signature": (encode(PHOTO)[:8], ""),
    "png half": (encode(PHOTO)[: len(encode(PHOTO)) // 2], ""),
    "png without its end": (encode(PHOTO)[:-60], ""),
    "png of no width": (encode(PHOTO)[:16] + bytes(4) + encode(PHOTO)[20:], ""),
    "jpeg head": (encode(PHOTO, "JPEG")[:30], ""),
    "jpeg half": (encode(PHOTO, "JPEG")[: len(encode(PHOTO, "JPEG")) // 2], "Truncated"),
    "jpeg without its end": (encode(PHOTO, "JPEG", quality=95)[:-200], "truncated"),
    "gif half": (encode(PHOTO, "GIF")[: len(encode(PHOTO, "GIF")) // 2], ""),
    "bmp half": (encode(PHOTO, "BMP")[:5000], "truncated"),
    "webp half": (encode(PHOTO, "WEBP", lossless=True)[:100], ""),
    "tiff half": (encode(PHOTO, "TIFF")[:200], ""),
    "animated gif": (animated("GIF"), "3 frames"),
    "animated png": (animated("PNG"), "3 frames"),
    "animated webp": (animated("WEBP"), "3 frames"),
    "pages": (animated("TIFF"), "3 frames or pages"),
    "float": (encode(FLOATS, "TIFF"), "floating-point"),
    "32-bit": (encode(Image.fromarray((FLOATS * 2**30).astype(np.int32)), "TIFF"), "32-bit"),
    "huge": (encode(Image.new("1", (4000, 4000))), "4000 x 4000 pixels, more than"),
    "huge array": (np.zeros((2000, 2000), np.uint8), "more than images.max_pixels"),
    "array of floats": (FLOATS, "float32"),
    "array of four channels": (np.zeros((8, 8, 4), np.uint8), "(8, 8, 4)"),
    "array of nothing": (np.zeros((0, 8), np.uint8), "(0, 8)"),
}


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_a_bad_image_is_quarantined_with_its_reason(name: str) -> None:
    content, expected = BAD_IMAGES[name]
    reason = reason_for(content)
    assert reason
    assert expected in reason
    assert "\n" not in reason
    assert "0x" not in reason


def test_mutated_files_never_crash() -> None:
    """200 PNGs with random bytes changed: torchvision's own decoder died of SIGSEGV on such."""
    rng = np.random.default_rng(0)
    original = np.frombuffer(encode(PHOTO), dtype=np.uint8)
    contents = []
    for _ in range(200):
        mutated = original.copy()
        places = rng.integers(0, len(mutated), rng.integers(1, 12))
        mutated[places] = rng.integers(0, 256, len(places))
        contents.append(mutated.tobytes())
    pixels, outcomes = decode_batch(contents, 16, 10**6)
    reasons = [outcome.reason for outcome in outcomes if outcome.reason]
    assert len(pixels) + len(reasons) == 200
    assert len(reasons) > 100


def test_pixels_beyond_the_cap_are_never_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Image.Image) -> None:
        raise AssertionError("decoded")

    content = encode(Image.new("1", (1001, 1000)))
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", fail)
    assert "1001 x 1000" in reason_for(content, max_pixels=10**6)


def test_pillows_own_cap_is_a_reason_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert reason_for(encode(PHOTO)) == "more pixels than Pillow's own cap"


def test_a_reason_is_one_line_that_can_be_saved() -> None:
    error = OSError("bad\nchunk \0 of <object at 0x7f12ab> in '\udcff.png'")
    assert describe_error(error) == "OSError: bad chunk ? of <object> in '?.png'"
