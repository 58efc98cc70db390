"""Scaler and machine in a skops file: never a pickle, and of pinned types only.

skops writes an object as a tree of named types and arrays, and builds it again from them. It trusts
far more types by itself than a support vector machine needs, every estimator of scikit-learn among
them, of which some call functions that they are given. Hence a list of our own, checked before
anything is built.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft.errors import GraftError

if TYPE_CHECKING:
    from graft.probes.svm import SVMClassifier

# All that a scaler and an SVM consist of.
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
        "sklearn.preprocessing._data.StandardScaler",
    }
)


def write_svm(path: Path, classifier: SVMClassifier) -> None:
    """Save the scaler, and the machine as plain arrays."""
    import skops.io

    skops.io.dump({"scaler": classifier.scaler, "machine": vars(classifier.machine)}, path)


def read_svm(path: Path, description: dict[str, Any]) -> SVMClassifier:
    """The classifier of a file that `write_svm` made.

    Args:
        path: The file.
        description: What the file does not hold: `class_names` and `metadata`.

    Raises:
        GraftError: It is no skops file, or holds a type that is not among `TRUSTED_TYPES`.
    """
    import skops.io

    from graft.probes.plain_machines import PlainMachine
    from graft.probes.svm import SVMClassifier

    _refuse_other_types(path)
    fitted = skops.io.load(path)
    return SVMClassifier(
        scaler=fitted["scaler"],
        machine=PlainMachine(**fitted["machine"]),
        class_names=tuple(description["class_names"]),
        metadata=description["metadata"],
    )


def _refuse_other_types(path: Path) -> None:
    """Look through the types that a skops file names, before anything is built from it."""
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
