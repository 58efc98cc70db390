"""States of a training: the newest whole one is found, and a full disk loses none."""

from __future__ import annotations

import errno
import logging
from pathlib import Path

import pytest
import torch
from kedro.io import DatasetError

from graft.datasets import TrainingStateDataset
from graft.datasets.training_state import STATE, StateFolder
from graft.errors import GraftError
from graft.training.state import TrainingState


def make_state(epoch: int) -> TrainingState:
    tensors = {"model/weight": torch.full((2, 3), float(epoch)), "random/cpu": torch.arange(3)}
    return TrainingState(tensors, {"epoch": epoch, "rank": [0.1, -2.0]}, {"seed": 0})


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    return TrainingStateDataset(filepath=str(tmp_path / "state")).load()


def test_a_state_comes_back_as_it_was(folder: StateFolder) -> None:
    assert folder.newest() is None
    folder.save(make_state(3))
    found = folder.newest()
    assert found is not None
    assert (found.progress, found.setup) == ({"epoch": 3, "rank": [0.1, -2.0]}, {"seed": 0})
    assert torch.equal(found.part("model")["weight"], torch.full((2, 3), 3.0))
    assert found.tensors["random/cpu"].dtype == torch.int64


def test_the_newest_of_many_is_found_and_two_are_kept(folder: StateFolder, tmp_path: Path) -> None:
    for epoch in range(1, 13):
        folder.save(make_state(epoch))
    assert folder.newest().progress["epoch"] == 12
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == ["000011", "000012"]


def test_channels_last_weights_are_saved(folder: StateFolder) -> None:
    weight = torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last)
    folder.save(TrainingState({"model/weight": weight}, {}, {}))
    assert torch.equal(folder.newest().tensors["model/weight"], weight)


def test_what_is_damaged_is_passed_over(
    folder: StateFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.save(make_state(1))
    folder.save(make_state(2))
    (tmp_path / "state/000002" / STATE).write_bytes(b"torn")
    with caplog.at_level(logging.WARNING):
        assert folder.newest().progress["epoch"] == 1
    assert "passed over" in caplog.text
    folder.save(make_state(3))
    assert folder.newest().progress["epoch"] == 3


def test_a_full_disk_is_an_error_and_the_state_before_stays(
    folder: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.save(make_state(1))

    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(GraftError, match="no room"):
            folder.save(make_state(2))
    assert folder.newest().progress["epoch"] == 1


def test_a_run_cannot_save_to_the_entry_itself(tmp_path: Path) -> None:
    dataset = TrainingStateDataset(filepath=str(tmp_path))
    assert dataset.exists()
    with pytest.raises(DatasetError, match="can only be loaded"):
        dataset.save(make_state(1))
