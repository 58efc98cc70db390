"""Networks exported for other programs, on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from graft.datasets.committed import CommittedDataset

if TYPE_CHECKING:
    from kedro_datasets._typing import JSONPreview

    from graft.bundle.export import ExportedNetwork

DESCRIPTION = "description.json"


class ExportedNetworkDataset(CommittedDataset["ExportedNetwork", "ExportedNetwork"]):
    """A network for torch.export or ONNX, with what goes in and comes out in JSON beside it.

        exported_network:
          type: graft.datasets.ExportedNetworkDataset
          filepath: data/06_models/digits/exported_network
          versioned: true

    The file is `network.pt2` or `network.onnx` in the version's folder. A load gives its bytes and
    does not look into them.
    """

    def write(self, path: Path, data: ExportedNetwork) -> None:
        description = {"format": data.format, **data.description}
        path.with_name(data.file_name).write_bytes(data.content)
        path.with_name(DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n")

    def read(self, path: Path) -> ExportedNetwork:
        from graft.bundle.export import FORMATS, ExportedNetwork

        description = json.loads(path.with_name(DESCRIPTION).read_text())
        wanted = description.pop("format")
        return ExportedNetwork(wanted, path.with_name(FORMATS[wanted]).read_bytes(), description)

    def preview(self) -> JSONPreview:
        """What goes in and comes out."""
        return self.filepath.with_name(DESCRIPTION).read_text()
