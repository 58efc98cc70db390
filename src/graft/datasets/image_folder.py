"""Images without labels as an entry of the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft.datasets.committed import LoadOnlyDataset
from graft.errors import GraftError

if TYPE_CHECKING:
    from graft.images.file_tree import FileTree


class ImageFolderDataset(LoadOnlyDataset["FileTree"]):
    """The image files under a folder or in a zip, listed but not read.

    prediction_images:
      type: graft.datasets.ImageFolderDataset
      folder: ~/photos
    """

    def __init__(self, *, folder: str | None, metadata: dict[str, Any] | None = None) -> None:
        """
        Args:
            folder: Where the images lie; None where nobody has said so yet.
            metadata: For the tracking hook and Kedro-Viz.
        """
        self._folder = folder
        self.metadata = metadata

    def load(self) -> FileTree:
        return find_images(self._folder)

    def _describe(self) -> dict[str, Any]:
        return {"folder": self._folder}


def find_images(folder: str | None) -> FileTree:
    """The images that the parameter `prediction.folder` names.

    Raises:
        GraftError: It names none, or no folder or archive with images.
    """
    from graft.images.file_tree import scan_tree

    if folder is None:
        raise GraftError(
            "prediction.folder is null: name the folder of the images that are to be "
            "predicted, --params=prediction.folder=photos."
        )
    return scan_tree(Path(folder).expanduser(), named_by="prediction.folder")
