"""Linear probes and nearest neighbours on disk: arrays, with their description in the header."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft.datasets.committed import CommittedDataset
from graft.datasets.safetensors_file import header, read_description, read_file

if TYPE_CHECKING:
    import numpy as np
    from kedro_datasets._typing import JSONPreview

    from graft.probes.knn import KNNClassifier
    from graft.probes.linear_probe import LinearProbe


class LinearProbeDataset(CommittedDataset["LinearProbe", "LinearProbe"]):
    """A fitted linear probe in a safetensors file.

    linear_probe:
      type: graft.datasets.LinearProbeDataset
      filepath: data/06_models/digits/linear_probe.safetensors
      versioned: true
    """

    def write(self, path: Path, data: LinearProbe) -> None:
        _write(path, data, ("mean", "scale", "weights", "intercepts"))

    def read(self, path: Path) -> LinearProbe:
        from graft.probes.linear_probe import LinearProbe

        return LinearProbe(**_read(path))

    def preview(self) -> JSONPreview:
        """The metadata."""
        return json.dumps(read_description(self.filepath))


class KNNDataset(CommittedDataset["KNNClassifier", "KNNClassifier"]):
    """Training images that vote, in a safetensors file.

    knn:
      type: graft.datasets.KNNDataset
      filepath: data/06_models/digits/knn.safetensors
      versioned: true
    """

    def write(self, path: Path, data: KNNClassifier) -> None:
        _write(path, data, ("mean", "scale", "features", "labels"))

    def read(self, path: Path) -> KNNClassifier:
        from graft.probes.knn import KNNClassifier

        return KNNClassifier(**_read(path))

    def preview(self) -> JSONPreview:
        """The metadata."""
        return json.dumps(read_description(self.filepath))


def _write(path: Path, data: LinearProbe | KNNClassifier, names: tuple[str, ...]) -> None:
    import numpy as np
    from safetensors.numpy import save

    arrays: dict[str, np.ndarray] = {
        name: np.ascontiguousarray(getattr(data, name)) for name in names
    }
    description = {"class_names": list(data.class_names), "metadata": data.metadata}
    path.write_bytes(save(arrays, metadata=header(description)))


def _read(path: Path) -> dict[str, Any]:
    arrays, description = read_file(path, framework="np")
    names, metadata = tuple(description["class_names"]), description["metadata"]
    return {**arrays, "class_names": names, "metadata": metadata}
