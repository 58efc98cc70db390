"""Class names and labels: positions, several labels in one text, one class against the rest.

A task is single-label (each image shows one class) or multi-label (any number of them). In tables
a label is text either way; several are joined by "|", as in "dog|person".
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

import numpy as np

from graft.errors import GraftError

REST = "rest"  # the name of "every other class" in a one-against-the-rest problem
LABEL_SEPARATOR = "|"
NOT_COUNTED = -1  # of a multi-label image: the class is neither present nor absent


def class_index(name: str, class_names: Sequence[str]) -> int:
    """The index of class `name`.

    Raises:
        GraftError: There is no such class; the message offers the nearest name.
    """
    if name in class_names:
        return list(class_names).index(name)
    nearest = difflib.get_close_matches(name, class_names, n=1, cutoff=0.0)
    raise GraftError(
        f"there is no class {name!r} (did you mean {nearest[0]!r}?); "
        f"classes: {', '.join(class_names)}"
    )


def one_against_rest(classes: np.ndarray, positive: int) -> np.ndarray:
    """int64 (N,): 1 where the class is `positive`, else 0."""
    return np.where(np.asarray(classes) == positive, 1, 0).astype(np.int64)


def join_labels(names: Iterable[str]) -> str:
    """Several labels as one text; "" for none.

    >>> join_labels(["dog", "person"])
    'dog|person'
    """
    return LABEL_SEPARATOR.join(names)


def split_label(label: str) -> tuple[str, ...]:
    """The labels that `join_labels` joined.

    >>> split_label("dog|person"), split_label("")
    (('dog', 'person'), ())
    """
    return tuple(label.split(LABEL_SEPARATOR)) if label else ()


def class_indices(labels: Iterable[str], class_names: Sequence[str]) -> np.ndarray:
    """Single labels as int64 (N,), positions in `class_names`."""
    index_of = {name: index for index, name in enumerate(class_names)}
    return np.array([index_of[label] for label in labels], dtype=np.int64)


def label_matrix(
    labels: Iterable[str], ignored: Iterable[str], class_names: Sequence[str]
) -> np.ndarray:
    """Several labels an image as int8 (N, K): 1 present, 0 absent, -1 not counted.

    Args:
        labels: For each image the classes that it shows, as `join_labels` writes them.
        ignored: For each image the classes that are not counted, likewise. A class that is in both
            is present.
        class_names: K names.
    """
    index_of = {name: index for index, name in enumerate(class_names)}
    rows = [split_label(label) for label in labels]
    matrix = np.zeros((len(rows), len(class_names)), dtype=np.int8)
    for row, label in enumerate(ignored):
        matrix[row, [index_of[name] for name in split_label(label)]] = NOT_COUNTED
    for row, names in enumerate(rows):
        matrix[row, [index_of[name] for name in names]] = 1
    return matrix
