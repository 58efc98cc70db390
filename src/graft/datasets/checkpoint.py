"""Trained networks on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from graft.datasets.committed import CommittedDataset
from graft.datasets.safetensors_file import header, read_description, read_file

if TYPE_CHECKING:
    from kedro_datasets._typing import JSONPreview

    from graft.training.checkpoint import Checkpoint


class CheckpointDataset(CommittedDataset["Checkpoint", "Checkpoint"]):
    """A network's weights, with what is needed to build it and where it came from in the header.

        best_checkpoint:
          type: graft.datasets.CheckpointDataset
          filepath: data/06_models/digits/best_checkpoint.safetensors
          versioned: true

    Loading executes nothing. Tensors come back on the CPU. Tensors that share memory are refused by
    safetensors.
    """

    def write(self, path: Path, data: Checkpoint) -> None:
        from safetensors.torch import save

        weights = {
            name: tensor.detach().cpu().contiguous() for name, tensor in data.weights.items()
        }
        # Not `save_file`, whose error on a full disk carries no errno.
        path.write_bytes(save(weights, metadata=header(data.metadata)))

    def read(self, path: Path) -> Checkpoint:
        from graft.training.checkpoint import Checkpoint

        weights, metadata = read_file(path, framework="pt")
        return Checkpoint(weights=weights, metadata=metadata)

    def preview(self) -> JSONPreview:
        """The metadata."""
        return json.dumps(read_description(self.filepath))
