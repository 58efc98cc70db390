"""A decoding that is killed goes on where it was, and nothing half is ever read."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from graft.datasets import DecodedImagesDataset
from graft.images.decode import decode_images

from ..images.image_files import encode, make_pixels
from ..images.listings import listing_of
from .decoding import Reads, assert_same, names_in

# Decodes 100 images four at a time and is killed when the given one is read.
DECODE = """
import os, signal, sys
from pathlib import Path
import numpy as np
import pandas as pd
from graft.datasets import DecodedImagesDataset, decoded_images
from graft.images import decoding_processes
from graft.images.decode import DecodingPlan
from graft.images.listing import ImageListing

target, fatal = sys.argv[1], int(sys.argv[2])
decoding_processes.BATCH_ROWS = 4
decoding_processes.available_processors = lambda: 1
decoded_images.SYNC_SECONDS = 0
read_ids = open(sys.argv[3], "a")

def read(image):
    if int(image) == fatal:
        os.kill(os.getpid(), signal.SIGKILL)
    print(image, file=read_ids, flush=True)
    if int(image) % 10 == 3:
        return b"torn"
    return np.random.default_rng(int(image)).integers(0, 256, (9, 9, 3)).astype(np.uint8)

ids = [str(number) for number in range(100)]
records = pd.DataFrame({"id": ids, "label": "cat", "split": None, "state": ""})
plan = DecodingPlan(ImageListing("test", records, ("cat",), read), 8, 10**6)
DecodedImagesDataset(filepath=target).save(plan)
"""


def decode_until(fatal: int, target: Path, reads: Path) -> int:
    program = [sys.executable, "-c", DECODE, str(target), str(fatal), str(reads)]
    return subprocess.run(program, check=False).returncode


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    whole, target = tmp_path / "whole", tmp_path / "decoded"
    assert decode_until(-1, whole, tmp_path / "all") == 0
    for killed_at in (30, 70):
        assert decode_until(killed_at, target, tmp_path / "before") == -signal.SIGKILL
        assert not target.exists()
    assert decode_until(-1, target, tmp_path / "after") == 0

    before = (tmp_path / "before").read_text().split()
    after = (tmp_path / "after").read_text().split()
    assert set(before) | set(after) == {str(number) for number in range(100)}
    assert len(after) < 60
    assert len(before) + len(after) < 100 + 3 * 20  # what was on its way when the run was killed
    for name in ("images.npy", "outcomes.csv", "listing.csv", "classes.json", "manifest.json"):
        assert (target / name).read_bytes() == (whole / name).read_bytes(), name
    assert len(DecodedImagesDataset(filepath=str(target)).load().images) == 90
    assert names_in(tmp_path) == ["after", "all", "before", "decoded", "whole"]


def test_what_a_killed_run_left_of_other_images_is_not_used(tmp_path: Path) -> None:
    target = tmp_path / "decoded"
    assert decode_until(70, target, tmp_path / "before") == -signal.SIGKILL
    contents = {str(number): encode(make_pixels(number, 8, 8)) for number in range(50)}
    plan = Reads(listing_of(contents))
    DecodedImagesDataset(filepath=str(target)).save(plan.plan)
    assert len(plan.ids) == 50
    expected = decode_images(listing_of(contents), 8, max_pixels=10**6)
    assert_same(DecodedImagesDataset(filepath=str(target)).load(), expected)


@pytest.mark.parametrize("lost", ["all", "some"])
def test_a_killed_run_whose_pixels_are_lost_begins_again(tmp_path: Path, lost: str) -> None:
    target = tmp_path / "decoded"
    assert decode_until(70, target, tmp_path / "before") == -signal.SIGKILL
    (unfinished,) = tmp_path.glob(".decoded.*.unfinished")
    pixels = unfinished / "images.npy"
    pixels.unlink() if lost == "all" else pixels.write_bytes(pixels.read_bytes()[:3000])
    assert decode_until(-1, target, tmp_path / "after") == 0
    assert len((tmp_path / "after").read_text().split()) == 100
    assert len(DecodedImagesDataset(filepath=str(target)).load().images) == 90
