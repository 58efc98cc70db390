"""Extracted features on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from graft.datasets.committed import CommittedDataset
from graft.datasets.safetensors_file import header, read_description, read_file

if TYPE_CHECKING:
    from kedro_datasets._typing import JSONPreview

    from graft.probes.extraction import Features


class FeaturesDataset(CommittedDataset["Features", "Features"]):
    """The feature matrix and the labels as arrays; ids, splits and class names in the header.

    features:
      type: graft.datasets.FeaturesDataset
      filepath: data/05_model_input/digits/features.safetensors
      versioned: true
    """

    def write(self, path: Path, data: Features) -> None:
        import numpy as np
        from safetensors.numpy import save

        arrays = {
            "matrix": np.ascontiguousarray(data.matrix),
            "labels": np.ascontiguousarray(data.labels),
        }
        description = {
            "ids": data.ids.tolist(),
            "splits": data.splits.tolist(),
            "class_names": list(data.class_names),
            "metadata": data.metadata,
        }
        path.write_bytes(save(arrays, metadata=header(description)))

    def read(self, path: Path) -> Features:
        import numpy as np

        from graft.probes.extraction import Features

        arrays, description = read_file(path, framework="np")
        return Features(
            matrix=arrays["matrix"],
            ids=np.array(description["ids"], dtype=np.str_),
            labels=arrays["labels"],
            splits=np.array(description["splits"], dtype=np.str_),
            class_names=tuple(description["class_names"]),
            metadata=description["metadata"],
        )

    def preview(self) -> JSONPreview:
        """Where the features come from, and how many there are."""
        description = read_description(self.filepath)
        return json.dumps({"images": len(description["ids"]), **description["metadata"]})
