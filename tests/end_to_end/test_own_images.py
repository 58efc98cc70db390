"""A folder of the user's own, with a broken file in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .project_copy import ProjectCopy, warnings_in

COLOURS = {"red": (200, 60, 60), "green": (60, 200, 60), "blue": (60, 60, 200)}
IMAGES = 12  # of each class


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three classes of noisy coloured pictures of several sizes, and one cut-off JPEG."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "photos"
    for label, colour in COLOURS.items():
        (folder / label).mkdir(parents=True)
        for number in range(IMAGES):
            noise = rng.normal(0, 30, (40 + number, 56, 3))
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            ending = "png" if number % 2 else "jpg"
            Image.fromarray(pixels).save(folder / label / f"{number:02}.{ending}")
    whole = (folder / "red/00.jpg").read_bytes()
    (folder / "red/broken.jpg").write_bytes(whole[: len(whole) // 2])
    return folder


@pytest.mark.slow
def test_a_folder_of_images_goes_all_the_way(project: ProjectCopy, photos: Path) -> None:
    (project.path / "conf/local/parameters.yml").unlink()
    process = project.kedro(
        "run",
        "--pipeline=transfer_learning",
        "-x",
        "folder",
        f"--params=source.folder={photos},training.epochs=1,images.size=32",
    )
    assert process.returncode == 0, process.stdout

    parameters = {"source": {"folder": str(photos)}, "images": {"size": 32}}
    catalog = project.catalog(experiment="folder", **parameters)
    assert catalog.load("image_store").class_names == ("blue", "green", "red")
    assert catalog.load("dataset_card")["images"] == len(COLOURS) * IMAGES
    quarantine = catalog.load("quarantine")
    assert list(quarantine["id"]) == ["red/broken.jpg"]
    assert "truncated" in quarantine["reason"][0]
    # The one thing to worry about is said, and nothing else.
    assert all("broken" in line or "quarantine" in line for line in warnings_in(process.stdout))
