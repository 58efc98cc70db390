"""The nodes of `ingest`, one after another as the pipeline wires them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from PIL import Image

from graft.images.sources import get_source
from graft.pipelines.ingest import create_pipeline

OUTPUTS = ("quarantine", "duplicates", "image_store", "dataset_card")


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


def ingest(folder: Path, duplicates: str) -> dict[str, Any]:
    images = {
        "size": 32,
        "max_pixels": 10**6,
        "max_quarantined_share": 0.06,
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
    catalog = DataCatalog({**inputs, **outputs})
    SequentialRunner().run(create_pipeline(), catalog)
    return {name: outputs[name].load() for name in outputs}


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
