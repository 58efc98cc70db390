"""Bundles on disk: saving one, choosing one to predict with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import DatasetError, Version

from graft.datasets.committed import CommittedDataset, LoadOnlyDataset
from graft.errors import GraftError

if TYPE_CHECKING:
    from kedro_datasets._typing import JSONPreview

    from graft.bundle import Bundle

MAKERS = {
    "model_bundle": "bundle",
    "svm_bundle": "svm_bundle",
    "linear_probe_bundle": "linear_probe_bundle",
}


class BundleDataset(CommittedDataset["Bundle", "Bundle"]):
    """A folder that `graft.bundle.load_bundle` loads; each version is one.

    model_bundle:
      type: graft.datasets.BundleDataset
      filepath: data/06_models/digits/model_bundle
      versioned: true
    """

    def write(self, path: Path, data: Bundle) -> None:
        from graft.bundle.files import write_bundle

        write_bundle(path.parent, data)

    def read(self, path: Path) -> Bundle:
        from graft.bundle.files import read_bundle, require_known_files

        require_known_files(path.parent)
        return read_bundle(path.parent)

    def preview(self) -> JSONPreview:
        """Classes, transform, network and where it comes from."""
        from graft.bundle.files import DESCRIPTION

        return self.filepath.with_name(DESCRIPTION).read_text(encoding="utf-8")


class ChosenBundleDataset(LoadOnlyDataset["Bundle"]):
    """The bundle to predict with.

    prediction_bundle:
      type: graft.datasets.ChosenBundleDataset
      bundle: model_bundle
      experiment: digits
      folder: data/06_models/digits
    """

    def __init__(
        self,
        *,
        bundle: str,
        experiment: str,
        folder: str,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """
        Args:
            bundle: "model_bundle", "svm_bundle" or "linear_probe_bundle", of which the newest
                version is taken, or the folder of any bundle.
            experiment: For messages.
            folder: Where the experiment's bundles lie.
            metadata: For the tracking hook and Kedro-Viz.
        """
        self._bundle = bundle
        self._experiment = experiment
        self._folder = folder
        self.metadata = metadata

    def load(self) -> Bundle:
        from graft.bundle import load_bundle

        if self._bundle not in MAKERS:
            return load_bundle(self._bundle)
        of_experiment = BundleDataset(
            filepath=f"{self._folder}/{self._bundle}", version=Version(None, None)
        )
        try:
            folder = of_experiment.filepath.parent
        except DatasetError as error:
            raise GraftError(
                f"The experiment '{self._experiment}' has no '{self._bundle}' yet. Make one: "
                f"kedro run --pipeline=transfer_learning -x {self._experiment}, or after a run "
                f"--pipeline={MAKERS[self._bundle]}. prediction.bundle may also name the folder of "
                "any bundle."
            ) from error
        return load_bundle(folder)

    def _describe(self) -> dict[str, Any]:
        return {"bundle": self._bundle, "folder": self._folder}
