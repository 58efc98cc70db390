"""Mistakes: an exit code, one clear message, no traceback, and nothing half-made left behind."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .project_copy import ProjectCopy

pytestmark = pytest.mark.slow


def write_images(folder: Path, count: int, seed: int) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for number in range(count):
        pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


def assert_refused(
    project: ProjectCopy, process: subprocess.CompletedProcess[str], *said: str
) -> None:
    """The run has failed as it should, with all of `said` in its message."""
    assert process.returncode == 1, process.stdout
    for part in said:
        assert part in process.stdout
    assert "Traceback" not in process.stdout
    assert project.unfinished_files() == []
    assert "RUNNING" not in [run.info.status for run in project.runs()]


def run_on_folder(project: ProjectCopy, folder: Path) -> subprocess.CompletedProcess[str]:
    return project.kedro(
        "run", "--pipeline=ingest", "-x", "folder", f"--params=source.folder={folder}"
    )


@pytest.fixture(scope="module")
def project(project: ProjectCopy) -> ProjectCopy:
    """Without the few training images of the quick runs, which are more than these folders hold."""
    (project.path / "conf/local/parameters.yml").unlink()
    return project


def test_a_missing_folder(project: ProjectCopy, tmp_path: Path) -> None:
    process = run_on_folder(project, tmp_path / "nowhere")
    assert_refused(project, process, str(tmp_path / "nowhere"), "source.folder")


def test_a_class_without_images(project: ProjectCopy, tmp_path: Path) -> None:
    write_images(tmp_path / "pets/cat", 6, seed=0)
    write_images(tmp_path / "pets/dog", 6, seed=1)
    (tmp_path / "pets/fish").mkdir()
    assert_refused(project, run_on_folder(project, tmp_path / "pets"), "fish", "no image")


def test_a_single_class(project: ProjectCopy, tmp_path: Path) -> None:
    write_images(tmp_path / "pets/cat", 6, seed=0)
    assert_refused(project, run_on_folder(project, tmp_path / "pets"), "cat", "class")


def test_weights_of_another_network(project: ProjectCopy, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    other = tmp_path / "other.safetensors"
    save_file({"encoder.weight": np.zeros((4, 3), dtype=np.float32)}, other)
    process = project.kedro(
        "run", "--pipeline=transfer_learning", f"--params=model.weights={other}"
    )
    assert_refused(project, process, "model.weights", str(other), "resnet20_cifar")


def test_a_misspelt_experiment(project: ProjectCopy) -> None:
    process = project.kedro("run", "--pipeline=ingest", "-x", "digits_10shots")
    assert_refused(project, process, "digits_10shots", "did you mean 'digits_10shot'?")


def test_a_misspelt_parameter(project: ProjectCopy) -> None:
    process = project.kedro("run", "--pipeline=ingest", "--params=training.epoch=3")
    assert_refused(project, process, "training.epoch", "did you mean 'epochs'?", "--params")


def test_a_misspelt_pipeline(project: ProjectCopy) -> None:
    process = project.kedro("run", "--pipeline=transfer_lerning")
    assert_refused(project, process, "transfer_lerning", "did you mean 'transfer_learning'?")


def test_a_full_disk(project: ProjectCopy, isolate: Callable[[str], list[str]]) -> None:
    """The data folder on a disk of 2 MiB; the images at 64 pixels need 22 MB."""
    # The mount is seen by this one process and gone with it, hence the copy of what was left.
    script = """
    mount -t tmpfs -o size=2m tmpfs data || exit 77
    "$@"
    result=$?
    find data -type f > left_on_full_disk
    exit $result
    """
    process = project.kedro(
        "run",
        "--pipeline=ingest",
        "--params=images.size=64",
        within=[*isolate("--mount"), "sh", "-c", script, "sh"],
    )
    if process.returncode == 77:
        pytest.skip("this machine does not allow mounting a tmpfs")
    assert_refused(project, process, "There is no room", "data/02_intermediate/decoded")
    left = (project.path / "left_on_full_disk").read_text().split()
    assert not [file for file in left if file.endswith((".npy", "manifest.json"))]
