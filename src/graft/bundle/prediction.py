"""What a bundle says of some images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graft.classes import join_labels
from graft.errors import GraftError

if TYPE_CHECKING:
    import pandas as pd

PROBABILITY, SCORE = "probability_", "score_"  # prefixes of the columns that there are per class


@dataclass(frozen=True, eq=False)
class BatchPrediction:
    """Answers for N images and K classes, in the order in which the images were given.

    Attributes:
        ids: What the images are called.
        scores: float32 (N, K): class probabilities of a network, decision values of a support
            vector machine; NaN where an image could not be used.
        errors: Why an image could not be used; "" where it could.
        class_names: K names.
        thresholds: Above which score a class is present, float (K,), where an image may show
            several classes; None where it shows one.
        probabilistic: Whether the scores are probabilities.
    """

    ids: tuple[str, ...]
    scores: np.ndarray
    errors: tuple[str, ...]
    class_names: tuple[str, ...]
    thresholds: tuple[float, ...] | None = None
    probabilistic: bool = True

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def labels(self) -> list[str]:
        """What each image shows: a class, or several joined by "|"; "" where it is unusable."""
        names = np.asarray(self.class_names, dtype=object)
        if self.thresholds is not None:
            present = self.scores > np.asarray(self.thresholds)  # NaN is above nothing
            return [join_labels(names[row]) for row in present]
        usable = [not error for error in self.errors]
        return [
            str(names[row.argmax()]) if good else ""
            for row, good in zip(self.scores, usable, strict=True)
        ]

    @property
    def probabilities(self) -> np.ndarray:
        """float32 (N, K); of single labels they sum to 1, of several each class has its own.

        Raises:
            GraftError: The classifier is a support vector machine, which has none.
        """
        if not self.probabilistic:
            raise GraftError(
                "a support vector machine gives decision values, not probabilities: read `scores`, "
                "or take the bundle of a network"
            )
        return self.scores

    def to_frame(self) -> pd.DataFrame:
        """One row an image: id, label, probability_<class> (or score_<class>) and error."""
        import pandas as pd

        prefix = PROBABILITY if self.probabilistic else SCORE
        columns: dict[str, object] = {"id": list(self.ids), "label": self.labels}
        columns |= {f"{prefix}{name}": self.scores[:, k] for k, name in enumerate(self.class_names)}
        return pd.DataFrame({**columns, "error": list(self.errors)})
