"""Support vector machines on disk."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft.datasets.committed import CommittedDataset
from graft.errors import GraftError

if TYPE_CHECKING:
    from kedro_datasets._typing import JSONPreview

    from graft.probes.svm import SVMClassifier

DESCRIPTION = "description.json"

# All that a scaler and an SVM consist of. skops trusts far more by itself, every
# estimator of scikit-learn among it, of which some call functions that they are given.
TRUSTED_TYPES = frozenset(
    {
        "builtins.dict",
        "builtins.list",
        "builtins.str",
        "builtins.tuple",
        "numpy.float32",
        "numpy.float64",
        "numpy.int64",
        "numpy.ndarray",
        "numpy.random.mtrand.RandomState",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.svm._classes.LinearSVC",
        "sklearn.svm._classes.SVC",
    }
)


class SVMDataset(CommittedDataset["SVMClassifier", "SVMClassifier"]):
    """A fitted scaler and SVM in a skops file, its class names and metadata in JSON beside it.

    The machines of several labels lie there as plain arrays.

        svm:
          type: graft.datasets.SVMDataset
          filepath: data/06_models/digits/svm.skops
          versioned: true

    Never a pickle: a file is read only if every type in it is one of `TRUSTED_TYPES`.
    """

    def write(self, path: Path, data: SVMClassifier) -> None:
        import skops.io

        from graft.probes.one_against_rest import OneAgainstRest

        machine = data.machine
        arrays = vars(machine) if isinstance(machine, OneAgainstRest) else machine
        skops.io.dump({"scaler": data.scaler, "machine": arrays}, path)
        description = {"class_names": list(data.class_names), "metadata": data.metadata}
        path.with_name(DESCRIPTION).write_text(json.dumps(description, indent=2, sort_keys=True))

    def read(self, path: Path) -> SVMClassifier:
        import skops.io

        from graft.probes.one_against_rest import OneAgainstRest
        from graft.probes.svm import SVMClassifier

        _refuse_other_types(path)
        description = json.loads(path.with_name(DESCRIPTION).read_text())
        fitted = skops.io.load(path)
        machine = fitted["machine"]
        return SVMClassifier(
            scaler=fitted["scaler"],
            machine=OneAgainstRest(**machine) if isinstance(machine, dict) else machine,
            class_names=tuple(description["class_names"]),
            metadata=description["metadata"],
        )

    def preview(self) -> JSONPreview:
        """The class names and the metadata."""
        return self.filepath.with_name(DESCRIPTION).read_text()


def _refuse_other_types(path: Path) -> None:
    """Look through the types that a skops file names, before anything is built from it.

    Raises:
        GraftError: It names one that is not trusted, or it is not a skops file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            schema = json.loads(archive.read("schema.json"))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise GraftError(f"{path} is not a skops file ({error}). Pickles are not read.") from error
    unknown = sorted(_types(schema) - TRUSTED_TYPES)
    if unknown:
        raise GraftError(
            f"{path} is refused, for it holds more than a scaler and an SVM: {', '.join(unknown)}. "
            "Do not use files of unknown origin; fit the SVM again."
        )


def _types(schema: Any) -> set[str]:
    """Every type that a skops schema, a tree of dicts and lists, names."""
    if isinstance(schema, dict):
        named = (
            {f"{schema['__module__']}.{schema['__class__']}"} if "__class__" in schema else set()
        )
        return named.union(*map(_types, schema.values()))
    if isinstance(schema, list):
        return set().union(*map(_types, schema))
    return set()
