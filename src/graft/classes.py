"""Class names and what is asked of them: positions, and one class against the rest."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np

from graft.errors import GraftError

REST = "rest"  # the name of "every other class" in a one-against-the-rest problem


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
