from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch
from kedro.io import DatasetError

from graft.datasets import CheckpointDataset
from graft.storage import committed
from graft.training.checkpoint import Checkpoint


@pytest.fixture
def dataset(tmp_path: Path) -> CheckpointDataset:
    return CheckpointDataset(filepath=str(tmp_path / "best.safetensors"))


class Malicious:
    """Unpickling it makes a file."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.witness),)


def test_weights_and_metadata_come_back(dataset: CheckpointDataset) -> None:
    weights = {
        "conv.weight": torch.randn(4, 3, 3, 3).to(memory_format=torch.channels_last),
        "half": torch.randn(5).bfloat16(),
        "transposed": torch.randn(2, 3).T,
        "steps": torch.tensor(7),
        "trained": torch.nn.Parameter(torch.ones(2)),
    }
    metadata = {"epoch": 3, "taps": ["stage2"], "mean": [0.1, 0.2], "name": "Ziffern — 数字"}
    dataset.save(Checkpoint(weights=weights, metadata=metadata))
    loaded = dataset.load()
    assert loaded.metadata == metadata
    assert loaded.weights.keys() == weights.keys()
    for name, tensor in weights.items():
        assert loaded.weights[name].dtype == tensor.dtype
        assert torch.equal(loaded.weights[name], tensor.detach())


def test_equal_checkpoints_are_equal_files(tmp_path: Path) -> None:
    contents = []
    for name, metadata in (("a", {"x": 1, "y": 2}), ("b", {"y": 2, "x": 1})):
        dataset = CheckpointDataset(filepath=str(tmp_path / name))
        dataset.save(Checkpoint(weights={"w": torch.ones(3)}, metadata=metadata))
        contents.append(dataset.filepath.read_bytes())
    assert contents[0] == contents[1]


def test_a_flipped_bit_in_the_weights_is_refused(dataset: CheckpointDataset) -> None:
    dataset.save(Checkpoint(weights={"w": torch.zeros(1000)}, metadata={}))
    content = bytearray(dataset.filepath.read_bytes())
    content[-100] ^= 1
    dataset.filepath.write_bytes(content)
    with pytest.raises(DatasetError, match=r"best\.safetensors is not what was saved"):
        dataset.load()


@pytest.mark.parametrize("forged", [False, True], ids=["old manifest", "forged manifest"])
def test_a_malicious_pickle_is_refused_and_not_run(
    dataset: CheckpointDataset, tmp_path: Path, forged: bool
) -> None:
    payload = pickle.dumps(Malicious(tmp_path / "witness"))
    dataset.save(Checkpoint(weights={"w": torch.zeros(3)}, metadata={}))
    if forged:
        with committed(tmp_path / "best.safetensors") as folder:
            (folder / "best.safetensors").write_bytes(payload)
    else:
        dataset.filepath.write_bytes(payload)
    with pytest.raises(DatasetError, match="not a safetensors file" if forged else "incomplete"):
        dataset.load()
    assert not (tmp_path / "witness").exists()


def test_foreign_safetensors_are_refused(dataset: CheckpointDataset, tmp_path: Path) -> None:
    from safetensors.torch import save

    with committed(tmp_path / "best.safetensors") as folder:
        (folder / "best.safetensors").write_bytes(save({"w": torch.zeros(3)}))
    with pytest.raises(DatasetError, match="was not saved by Graft"):
        dataset.load()


def test_metadata_that_is_not_json_saves_nothing(dataset: CheckpointDataset) -> None:
    with pytest.raises(DatasetError, match="not JSON serializable"):
        dataset.save(Checkpoint(weights={"w": torch.zeros(3)}, metadata={"device": object()}))
    assert not dataset.exists()
