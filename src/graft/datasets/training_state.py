"""The states of an unfinished training on disk."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft.datasets.committed import LoadOnlyDataset
from graft.datasets.safetensors_file import header, read_file
from graft.errors import GraftError
from graft.storage import committed, verify

if TYPE_CHECKING:
    from graft.training.state import TrainingState

logger = logging.getLogger(__name__)

STATE = "state.safetensors"
KEPT = 2  # should the newest be damaged, the one before is not


class TrainingStateDataset(LoadOnlyDataset["StateFolder"]):
    """A folder that a training saves its state in while it runs, and goes on from.

        training_state:
          type: graft.datasets.TrainingStateDataset
          filepath: data/06_models/digits/training_state

    A load hands over the folder, see `StateFolder`: what is in it changes while the node runs.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """
        Args:
            filepath: The folder; it may be deleted when no training has to be gone on with.
            metadata: For the tracking hook and Kedro-Viz.
        """
        self._folder = Path(filepath)
        self.metadata = metadata

    def load(self) -> StateFolder:
        return StateFolder(self._folder)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._folder}


class StateFolder:
    """The last states of one training, numbered; a `graft.training.state.StateKeeper`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, state: TrainingState) -> None:
        """Save beside the state before; older ones are deleted then.

        Raises:
            GraftError: The disk is full; earlier states are untouched.
        """
        from safetensors.torch import save

        tensors = {name: tensor.contiguous() for name, tensor in state.tensors.items()}
        description = {"progress": state.progress, "setup": state.setup}
        there = self._states()
        number = int(there[0].name) + 1 if there else 1
        with committed(self._folder / f"{number:06d}") as folder:
            (folder / STATE).write_bytes(save(tensors, metadata=header(description)))
        for old in there[KEPT - 1 :]:
            shutil.rmtree(old, ignore_errors=True)

    def newest(self) -> TrainingState | None:
        """The newest state that is whole; a damaged one is passed over with a warning."""
        from graft.training.state import TrainingState

        for folder in self._states():
            try:
                verify(folder)
                tensors, description = read_file(folder / STATE, framework="pt")
            except GraftError as error:
                logger.warning("A state of the training is passed over: %s", error)
                continue
            return TrainingState(tensors, **description)
        return None

    def _states(self) -> list[Path]:
        """The folders of the states, newest first, incomplete ones included."""
        if not self._folder.is_dir():
            return []
        numbered = [path for path in self._folder.iterdir() if path.name.isdigit()]
        return sorted(numbered, key=lambda path: int(path.name), reverse=True)
