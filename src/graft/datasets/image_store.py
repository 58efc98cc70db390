"""Decoded images on disk."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset, DatasetError

from graft import storage
from graft.datasets.classes_file import CLASSES, classes_content, read_classes
from graft.datasets.one_commit import of_one_commit
from graft.datasets.pixel_file import map_images, write_images

if TYPE_CHECKING:
    import pandas as pd
    from kedro_datasets._typing import ImagePreview
    from PIL import Image

    from graft.images.store import ImageStore

IMAGES, MANIFEST = "images.npy", "manifest.csv"
_TEXT_COLUMNS = ("id", "label", "split", "sha256", "ignored")
_TILE, _CAPTION = 96, 18  # pixels, of the preview


class ImageStoreDataset(AbstractDataset["ImageStore", "ImageStore"]):
    """A folder with all images as one array, a table that says what they are, and the classes.

        image_store:
          type: graft.datasets.ImageStoreDataset
          filepath: data/02_intermediate/digits-1a2b3c4d

    The images are mapped into memory, not read, so that a store may be larger than the memory. For
    that reason a load looks at names and sizes only, unless `verify: true` asks for the checksums.
    Where all decoded images are in the store, their file is not copied but linked.
    There are no versions: the folder's name says which parameters the store was made with.
    """

    def __init__(
        self, *, filepath: str, verify: bool = False, metadata: dict[str, Any] | None = None
    ) -> None:
        """
        Args:
            filepath: The folder.
            verify: Compare every byte with its checksum at each load.
            metadata: For the tracking hook and Kedro-Viz.
        """
        self._filepath = Path(filepath)
        self._verify = verify
        self.metadata = metadata

    def load(self) -> ImageStore:
        from graft.images.store import ImageStore

        folder = self._filepath
        if not self._exists():
            raise DatasetError(
                f"There is no image store at {folder}, or it is incomplete: run "
                "`kedro run --pipeline=ingest` with the same parameters first."
            )
        if self._verify:
            storage.verify(folder)

        def read() -> ImageStore:
            return ImageStore(
                images=map_images(folder / IMAGES),
                manifest=_read_manifest(folder / MANIFEST),
                **read_classes(folder),
            )

        return of_one_commit(folder, read)

    def save(self, data: ImageStore) -> None:
        with storage.committed(self._filepath) as folder:
            write_images(folder / IMAGES, data.images)
            data.manifest.to_csv(folder / MANIFEST, index=False, lineterminator="\n")
            (folder / CLASSES).write_bytes(classes_content(data.source, data))

    def preview(self) -> ImagePreview:
        """The first images of the first classes, as a PNG in base64."""
        png = io.BytesIO()
        draw_samples(self.load()).save(png, format="PNG")
        return base64.b64encode(png.getvalue()).decode()

    def _exists(self) -> bool:
        return storage.is_committed(self._filepath)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "verify": self._verify}


def draw_samples(store: ImageStore, columns: int = 8, rows: int = 3) -> Image.Image:
    """A picture with the first images of the first classes, one column a class."""
    from PIL import Image, ImageDraw

    classes = store.class_names[:columns]
    picture = Image.new("RGB", (_TILE * len(classes), _CAPTION + _TILE * rows), "white")
    draw = ImageDraw.Draw(picture)
    for column, name in enumerate(classes):
        draw.text((_TILE * column + 4, 3), name[:14], fill="black")
        shown = store.targets[:, column] == 1 if store.multi_label else store.targets == column
        members = shown.nonzero()[0][:rows]
        for row, index in enumerate(members):
            # Nearest: the preview shows the pixels as they are stored.
            tile = Image.fromarray(store.images[index]).resize(
                (_TILE, _TILE), Image.Resampling.NEAREST
            )
            picture.paste(tile, (_TILE * column, _CAPTION + _TILE * row))
    return picture


def _read_manifest(path: Path) -> pd.DataFrame:
    """The manifest with text as text, be it a class "NA" or an id "007"."""
    import pandas as pd

    text = dict.fromkeys(_TEXT_COLUMNS, str)
    return pd.read_csv(path, dtype=text, keep_default_na=False, lineterminator="\n")
