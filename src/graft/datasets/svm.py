"""Support vector machines on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from graft.datasets.committed import CommittedDataset

if TYPE_CHECKING:
    from kedro_datasets._typing import JSONPreview

    from graft.probes.svm import SVMClassifier

DESCRIPTION = "description.json"


class SVMDataset(CommittedDataset["SVMClassifier", "SVMClassifier"]):
    """A fitted scaler and SVM in a skops file, its class names and metadata in JSON beside it.

        svm:
          type: graft.datasets.SVMDataset
          filepath: data/06_models/digits/svm.skops
          versioned: true

    Never a pickle: see `graft.bundle.skops_file`.
    """

    def write(self, path: Path, data: SVMClassifier) -> None:
        from graft.bundle.skops_file import write_svm

        write_svm(path, data)
        description = {"class_names": list(data.class_names), "metadata": data.metadata}
        path.with_name(DESCRIPTION).write_text(json.dumps(description, indent=2, sort_keys=True))

    def read(self, path: Path) -> SVMClassifier:
        from graft.bundle.skops_file import read_svm

        return read_svm(path, json.loads(path.with_name(DESCRIPTION).read_text()))

    def preview(self) -> JSONPreview:
        """The class names and the metadata."""
        return self.filepath.with_name(DESCRIPTION).read_text()
