"""The nodes of `ingest`, one after another as the pipeline wires them."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from PIL import Image

from graft.datasets import DecodedImagesDataset, DuplicatePairsDataset, ImageStoreDataset
from graft.images.sources import get_source
from graft.pipelines.ingest import create_pipeline

from ..images.image_files import encode, make_pixels, write_classes

OUTPUTS = ("quarantine", "duplicates", "dataset_card")


class Kept(MemoryDataset):
    """Stays in memory after its last use, for the test to look at."""

    def _release(self) -> None:
        pass


@pytest.fixture
def flags(tmp_path: Path) -> Path:
    """Two classes with given parts; a test image is also, mirrored, a training image."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "flags"
    for part, count in (("train", 6), ("test", 3)):
        for label in ("plain", "torn"):
            (folder / part / label).mkdir(parents=True)
            for number in range(count):
                cells = rng.integers(0, 256, (9, 9, 3)).astype(np.uint8)
                flag = Image.fromarray(cells).resize((40, 40), Image.Resampling.BICUBIC)
                flag.save(folder / part / label / f"{number}.png")
    leaked = Image.open(folder / "test/torn/0.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    leaked.save(folder / "train/plain/leaked.jpg", quality=90)
    (folder / "train/plain/broken.png").write_bytes(b"not an image")
    return folder


def ingest(folder: Path, duplicates: str, max_quarantined_share: float = 0.06) -> dict[str, Any]:
    """What the pipeline makes of a folder; pixels lie on disk beside it, as in a run."""
    images = {
        "size": 32,
        "max_pixels": 10**6,
        "max_quarantined_share": max_quarantined_share,
        "min_images_per_class": 2,
        "duplicates": duplicates,
    }
    split = {"validation": 0.0, "test": 0.2, "shots": None, "train_size": None}
    given = {
        "source_images": get_source("folder").list_images(folder, folder),
        "params:images": images,
        "params:split": split,
        "params:seed": 0,
    }
    outputs = {name: Kept(copy_mode="assign") for name in OUTPUTS}
    inputs = {name: MemoryDataset(data, copy_mode="assign") for name, data in given.items()}
    data = folder.with_name("data")
    decoded = DecodedImagesDataset(filepath=str(data / "decoded"))
    store = ImageStoreDataset(filepath=str(data / "store"))
    on_disk = {
        "decoded_images": decoded,
        "duplicate_pairs": DuplicatePairsDataset(filepath=str(data / "pairs.csv")),
        "kept_images": MemoryDataset(copy_mode="assign"),
        "image_store": store,
    }
    catalog = DataCatalog({**inputs, **outputs, **on_disk})
    SequentialRunner().run(create_pipeline(), catalog)
    return {**{name: outputs[name].load() for name in outputs}, "image_store": store.load()}


def part_of(result: dict[str, Any], image: str) -> str | None:
    manifest = result["image_store"].manifest.set_index("id")
    return manifest["split"].get(image)


LEAKED = "train/plain/leaked.jpg"


def test_a_leak_is_reported_with_a_warning(flags: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "graft"):
        result = ingest(flags, "report")
    (pair,) = result["duplicates"].to_dict("records")
    assert (pair["id_a"], pair["id_b"]) == ("test/torn/0.png", LEAKED)
    assert pair["mirrored"]
    assert pair["across_splits"]
    assert pair["labels_differ"]
    assert result["dataset_card"]["duplicates"]["test_images_seen_in_training"] == 1
    assert "1 of 6 test images" in caplog.text
    assert result["quarantine"]["id"].tolist() == ["train/plain/broken.png"]
    assert part_of(result, LEAKED) == "train"


def test_a_leak_is_dropped(flags: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "graft"):
        result = ingest(flags, "drop")
    quarantine = result["quarantine"].set_index("id")["reason"]
    assert quarantine.index.tolist() == ["train/plain/broken.png", LEAKED]
    assert quarantine[LEAKED] == "nearly a copy of 'test/torn/0.png'"
    assert part_of(result, LEAKED) is None
    assert part_of(result, "test/torn/0.png") == "test"
    assert result["duplicates"]["split_b"].tolist() == ["dropped"]
    assert not result["duplicates"]["across_splits"].any()
    assert "test images have" not in caplog.text


def test_a_leak_is_left_unused(flags: Path) -> None:
    result = ingest(flags, "group")
    assert part_of(result, LEAKED) == "unused"
    assert part_of(result, "test/torn/0.png") == "test"
    assert result["dataset_card"]["duplicates"]["test_images_seen_in_training"] == 0


def test_the_table_of_duplicates_survives_being_saved(flags: Path, tmp_path: Path) -> None:
    from graft.datasets import TableDataset

    for number, table in enumerate([ingest(flags, "report")["duplicates"]] * 2):
        table = table.head(0) if number else table
        dataset = TableDataset(filepath=str(tmp_path / f"duplicates{number}.csv"))
        dataset.save(table)
        pd.testing.assert_frame_equal(dataset.load(), table, check_dtype=False)


def test_dropped_images_leave_no_pixels_and_others_their_own(flags: Path) -> None:
    whole, kept = ingest(flags, "report")["image_store"], ingest(flags, "drop")["image_store"]
    rows = [row for row, image in enumerate(whole.manifest["id"]) if image != LEAKED]
    assert kept.manifest["id"].tolist() == whole.manifest["id"].iloc[rows].tolist()
    np.testing.assert_array_equal(kept.images, whole.images[rows])


def test_runs_that_differ_in_their_split_share_the_pixels(flags: Path) -> None:
    data = flags.with_name("data")
    store = ingest(flags, "report")["image_store"]
    np.testing.assert_array_equal(store.images[:], np.load(data / "decoded/images.npy"))
    assert (data / "store/images.npy").samefile(data / "decoded/images.npy")
    before = (data / "decoded/manifest.json").stat().st_ino
    ingest(flags, "group")
    assert (data / "decoded/manifest.json").stat().st_ino == before
    assert (data / "store/images.npy").samefile(data / "decoded/images.npy")


def write_bad_images(folder: Path) -> dict[str, str]:
    """25 files that are no image, and what has to stand in their reasons."""
    photo = encode(make_pixels(0, 64, 64), "JPEG")
    frames = [Image.fromarray(make_pixels(seed, 24, 24)) for seed in range(2)]
    bad: dict[str, tuple[bytes, str]] = {
        f"torn{number:02}.jpg": (photo[: 30 + 20 * number], "") for number in range(18)
    }
    bad |= {
        "empty.png": (b"", "empty file"),
        "text.jpg": (b"<!DOCTYPE html>", "not an image"),
        "huge.png": (encode(Image.new("1", (1100, 1000))), "1100 x 1000 pixels"),
        "animated.gif": (encode(frames[0], "GIF", save_all=True, append_images=frames), "frames"),
        "float.tif": (encode(np.eye(24, dtype=np.float32), "TIFF"), "floating-point"),
    }
    for name, (content, _) in bad.items():
        (folder / name).write_bytes(content)
    (folder / "dangling.png").symlink_to(folder / "nowhere.png")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    links = {"dangling.png": "No such file", "loop.png": "symbolic links"}
    return {name: reason for name, (_, reason) in bad.items()} | links


def test_a_run_finishes_with_25_bad_images_and_lists_each_with_its_reason(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "pets", count=40)
    expected = write_bad_images(folder / "cat")
    result = ingest(folder, "report", max_quarantined_share=0.3)
    reasons = result["quarantine"].set_index("id")["reason"]
    assert sorted(reasons.index) == sorted(f"cat/{name}" for name in expected)
    for name, reason in expected.items():
        assert reasons[f"cat/{name}"]
        assert reason in reasons[f"cat/{name}"]
    assert len(result["image_store"].images) == result["dataset_card"]["images"] == 80


# Ingests 300 MiB of pixels with 180 MiB of memory left.
LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
import matplotlib.pyplot, numpy as np, pandas as pd, PIL.Image, threadpoolctl
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from graft.datasets import DecodedImagesDataset, DuplicatePairsDataset, ImageStoreDataset
from graft.evaluation import figures
from graft.images import correlated, decoding_processes
from graft.images.listing import ImageListing
from graft.pipelines.ingest import create_pipeline

# What is in the making grows with the number of processors.
correlated.available_processors = decoding_processes.available_processors = lambda: 2
data, duplicates = Path(sys.argv[1]), sys.argv[2]
count, size = 1600, 256

def read(image):
    seed = 7 if image == "1599" else int(image)  # one is there twice
    return np.random.default_rng(seed).integers(0, 256, (9, 9, 3)).astype(np.uint8)

ids = [str(number) for number in range(count)]
labels = ["cat", "dog"] * (count // 2)
records = pd.DataFrame({"id": ids, "label": labels, "split": None, "state": ""})
given = {
    "source_images": ImageListing("test", records, ("cat", "dog"), read),
    "params:images": dict(size=size, max_pixels=10**6, max_quarantined_share=0.0,
                          min_images_per_class=2, duplicates=duplicates),
    "params:split": dict(validation=0.1, test=0.2),
    "params:seed": 0,
}
catalog = DataCatalog({
    **{name: MemoryDataset(value, copy_mode="assign") for name, value in given.items()},
    "decoded_images": DecodedImagesDataset(filepath=str(data / "decoded")),
    "duplicate_pairs": DuplicatePairsDataset(filepath=str(data / "pairs.csv")),
    "kept_images": MemoryDataset(copy_mode="assign"),
    "image_store": ImageStoreDataset(filepath=str(data / "store")),
})
used = int(Path("/proc/self/status").read_text().split("VmData:")[1].split()[0]) * 1024
allowed = used + 180 * 2**20
resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))  # mapped files do not count
try:
    np.empty((count, size, size, 3), np.uint8)
except MemoryError:
    print("little memory", flush=True)
SequentialRunner().run(create_pipeline(), catalog)
print(len(catalog["image_store"].load().images))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
@pytest.mark.parametrize(("duplicates", "kept"), [("report", 1600), ("drop", 1599)])
def test_a_store_larger_than_the_memory_is_ingested(
    tmp_path: Path, duplicates: str, kept: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LITTLE_MEMORY, str(tmp_path), duplicates],
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = done.stdout.splitlines()
    assert lines[0] == "little memory"
    assert lines[-1] == str(kept)
