"""A source of images as an entry of the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft.datasets.committed import LoadOnlyDataset

if TYPE_CHECKING:
    from graft.images.listing import ImageListing


class ImageSourceDataset(LoadOnlyDataset["ImageListing"]):
    """The images of a registered source, listed but not yet decoded.

    image_source:
      type: graft.datasets.ImageSourceDataset
      source: {name: folder, folder: ~/photos}
      download_folder: data/01_raw
    """

    def __init__(
        self,
        *,
        source: dict[str, Any],
        download_folder: str,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """
        Args:
            source: The parameters `source`: `name`, a registered source, `folder`, where its
                files lie (null where it needs none), and `options`, what this source alone knows.
            download_folder: Where a source may put what it downloads.
            metadata: For the tracking hook and Kedro-Viz.
        """
        self._source = source
        self._download_folder = download_folder
        self.metadata = metadata

    def load(self) -> ImageListing:
        from graft.images.sources import get_source

        folder = self._source.get("folder")
        return get_source(self._source["name"]).list_from(
            Path(folder).expanduser() if folder else None,
            Path(self._download_folder),
            self._source.get("options", {}),
        )

    def _describe(self) -> dict[str, Any]:
        return {**self._source, "download_folder": self._download_folder}
