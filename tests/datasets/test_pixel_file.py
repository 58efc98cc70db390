"""A .npy file that grows, is linked, and is never needed in memory as a whole."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from graft.datasets import pixel_file as module
from graft.datasets.pixel_file import count_images, map_images, pixel_writer, write_images
from graft.images import arrays
from graft.images.arrays import SelectedImages


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 4, 6, 3), dtype=np.uint8)


def test_pieces_become_the_file_that_numpy_would_save(tmp_path: Path) -> None:
    images = noise(7)
    with pixel_writer(tmp_path / "pieces.npy", (4, 6, 3)) as writer:
        for start in (0, 3, 6):
            writer.append(images[start : start + 3])
    np.save(tmp_path / "whole.npy", images)
    assert (tmp_path / "pieces.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()
    np.testing.assert_array_equal(map_images(tmp_path / "pieces.npy"), images)


def test_no_images_are_an_empty_array(tmp_path: Path) -> None:
    with pixel_writer(tmp_path / "images.npy", (4, 6, 3)):
        pass
    assert map_images(tmp_path / "images.npy").shape == (0, 4, 6, 3)


def test_writing_goes_on_behind_what_is_kept(tmp_path: Path) -> None:
    path, images = tmp_path / "images.npy", noise(5)
    assert count_images(path, (4, 6, 3)) == 0
    with pixel_writer(path, (4, 6, 3)) as writer:
        writer.append(images[:4])
    with path.open("ab") as file:
        file.write(b"torn")
    assert count_images(path, (4, 6, 3)) == 4
    with pixel_writer(path, (4, 6, 3), keep=2) as writer:
        writer.append(images[2:])
    np.testing.assert_array_equal(map_images(path), images)
    assert path.stat().st_size == 128 + images.nbytes


def test_a_mapped_file_is_linked(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", noise(5))
    write_images(tmp_path / "b.npy", map_images(tmp_path / "a.npy"))
    assert (tmp_path / "a.npy").samefile(tmp_path / "b.npy")
    (tmp_path / "a.npy").unlink()
    np.testing.assert_array_equal(map_images(tmp_path / "b.npy"), noise(5))


def test_anything_else_is_copied_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "CHUNK_BYTES", 2 * 4 * 6 * 3)
    np.save(tmp_path / "a.npy", noise(5))
    mapped = map_images(tmp_path / "a.npy")
    rows = np.array([4, 0, 2])
    for images, expected in (
        (noise(5), noise(5)),
        (mapped[1:], noise(5)[1:]),
        (SelectedImages(mapped, rows), noise(5)[rows]),
    ):
        write_images(tmp_path / "b.npy", images)
        assert not (tmp_path / "a.npy").samefile(tmp_path / "b.npy")
        np.testing.assert_array_equal(map_images(tmp_path / "b.npy"), expected)
        (tmp_path / "b.npy").unlink()


def test_without_links_a_mapped_file_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*paths: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    np.save(tmp_path / "a.npy", noise(5))
    write_images(tmp_path / "b.npy", map_images(tmp_path / "a.npy"))
    assert not (tmp_path / "a.npy").samefile(tmp_path / "b.npy")
    np.testing.assert_array_equal(map_images(tmp_path / "b.npy"), noise(5))


@pytest.mark.parametrize("count", [5, 6])
def test_a_file_that_was_replaced_meanwhile_is_not_linked(tmp_path: Path, count: int) -> None:
    """The path leads to other images than those that are mapped: labels would not fit them."""
    np.save(tmp_path / "a.npy", noise(5))
    mapped = map_images(tmp_path / "a.npy")
    np.save(tmp_path / "new.npy", noise(count, seed=1))
    os.replace(tmp_path / "new.npy", tmp_path / "a.npy")
    write_images(tmp_path / "b.npy", mapped)
    np.testing.assert_array_equal(map_images(tmp_path / "b.npy"), noise(5))
    np.testing.assert_array_equal(map_images(tmp_path / "a.npy"), noise(count, seed=1))


def test_the_header_has_room_for_any_number_of_images() -> None:
    lengths = {len(module._header((count, 32, 32, 3))) for count in (0, 1, 60_000, 10**12)}
    assert lengths == {128}
