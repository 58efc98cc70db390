"""Linear probes and nearest neighbours on disk: arrays, with their description in the header."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft.datasets.committed import CommittedDataset
from graft.datasets.safetensors_file import header, read_description, read_file

if TYPE_CHECKING:
    from kedro_datasets._typing import JSONPreview

    from graft.probes.knn import KNNClassifier
    from graft.probes.linear_probe import LinearProbe


class _ArraysDataset(CommittedDataset["Any", "Any"]):
    """What is arrays, class names and metadata."""

    arrays: tuple[str, ...]

    def write(self, path: Path, data: Any) -> None:
        import numpy as np
        from safetensors.numpy import save

        arrays = {name: np.ascontiguousarray(getattr(data, name)) for name in self.arrays}
        description = {"class_names": list(data.class_names), "metadata": data.metadata}
        path.write_bytes(save(arrays, metadata=header(description)))

    def preview(self) -> JSONPreview:
        """The metadata."""
        return json.dumps(read_description(self.filepath))


class LinearProbeDataset(_ArraysDataset):
    """A fitted linear probe in a safetensors file.

    linear_probe:
      type: graft.datasets.LinearProbeDataset
      filepath: data/06_models/digits/linear_probe.safetensors
      versioned: true
    """

    arrays = ("mean", "scale", "weights", "intercepts")

    def read(self, path: Path) -> LinearProbe:
        from graft.probes.linear_probe import LinearProbe

        return LinearProbe(**_read(path))


class KNNDataset(_ArraysDataset):
    """Training images that vote, in a safetensors file.

    knn:
      type: graft.datasets.KNNDataset
      filepath: data/06_models/digits/knn.safetensors
      versioned: true
    """

    arrays = ("mean", "scale", "features", "labels")

    def read(self, path: Path) -> KNNClassifier:
        from graft.probes.knn import KNNClassifier

        return KNNClassifier(**_read(path))


def _read(path: Path) -> dict[str, Any]:
    arrays, description = read_file(path, framework="np")
    names, metadata = tuple(description["class_names"]), description["metadata"]
    return {**arrays, "class_names": names, "metadata": metadata}
