"""What a classifier said about a set of images, in the one form that every evaluation reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from graft.classes import REST, class_index, one_against_rest

if TYPE_CHECKING:
    import pandas as pd

_SCORE = "score_"  # prefix of the score columns of a frame


@dataclass(frozen=True, eq=False)
class Predictions:
    """Scores of one method for N images and K classes.

    Attributes:
        method: Name of the classifier, as tables and legends show it.
        ids: str (N,), unique image ids.
        labels: int64 (N,), true classes, indices into `class_names`.
        scores: float32 (N, K), the higher the likelier: class probabilities of a network, or
            decision values of a support vector machine (two classes: (-d, d)).
        class_names: K names; of two classes, the second is the positive one.
        seconds: Time that the N predictions took.
        decisions: int64 (N,), the classes decided for, where they are *not* the highest score.
            `as_binary` needs this: a ten-class network says "bird" when bird is the likeliest of
            ten, which may well be at a probability of 0.3.

    Raises:
        ValueError: Shapes that do not fit, labels outside the classes, repeated ids or class
            names, NaN among the scores.
    """

    method: str
    ids: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    class_names: tuple[str, ...]
    seconds: float
    decisions: np.ndarray | None = None

    def __post_init__(self) -> None:
        def settle(field: str, value: object) -> None:
            object.__setattr__(self, field, value)

        settle("ids", np.asarray(self.ids, dtype=str))
        settle("labels", np.asarray(self.labels, dtype=np.int64))
        settle("scores", np.asarray(self.scores, dtype=np.float32))
        settle("class_names", tuple(self.class_names))
        if self.decisions is not None:
            settle("decisions", np.asarray(self.decisions, dtype=np.int64))
        self._check()

    def _check(self) -> None:
        images, classes = len(self.ids), len(self.class_names)
        whose = f"predictions of {self.method!r}"
        if images == 0:
            raise ValueError(f"{whose}: no images")
        if self.ids.shape != (images,) or len(np.unique(self.ids)) < images:
            raise ValueError(f"{whose}: ids must be one-dimensional and unique")
        if len(set(self.class_names)) < classes:
            raise ValueError(f"{whose}: class names repeat in {self.class_names}")
        if self.scores.shape != (images, classes):
            raise ValueError(
                f"{whose}: scores have shape {self.scores.shape}, "
                f"expected ({images} images, {classes} classes)"
            )
        for field, chosen in (("labels", self.labels), ("decisions", self.decisions)):
            if chosen is None:
                continue
            if chosen.shape != (images,):
                raise ValueError(f"{whose}: {field} have shape {chosen.shape}, not ({images},)")
            if chosen.min() < 0 or chosen.max() >= classes:
                raise ValueError(f"{whose}: {field} must lie between 0 and {classes - 1}")
        if np.isnan(self.scores).any():
            broken = int(np.isnan(self.scores).any(axis=1).sum())
            raise ValueError(f"{whose}: the scores of {broken} of {images} images are NaN")

    @property
    def predicted(self) -> np.ndarray:
        """The class decided for, int64 (N,): `decisions`, else the first of the highest scores."""
        if self.decisions is not None:
            return self.decisions
        return np.asarray(self.scores.argmax(axis=1))

    @property
    def correct(self) -> np.ndarray:
        """Whether the image was classified right, bool (N,)."""
        return np.asarray(self.predicted == self.labels)

    def as_binary(self, positive_class: str) -> Predictions:
        """The same predictions as an answer to "is it `positive_class`?".

        The classes become ("rest", positive_class). An image counts as positive if the method
        decided for that class among all of them. Scores are (1 - p, p) of the class's
        probability p, or (-d, d) of its decision value d where the scores are not probabilities;
        their ranking is what ROC and precision-recall curves are drawn from.

        Raises:
            GraftError: There is no such class.
        """
        if self.class_names == (REST, positive_class):
            return self
        positive = class_index(positive_class, self.class_names)
        score = self.scores[:, positive]
        rest = 1.0 - score if _are_probabilities(self.scores) else -score
        return replace(
            self,
            labels=one_against_rest(self.labels, positive),
            scores=np.stack([rest, score], axis=1),
            class_names=(REST, positive_class),
            decisions=one_against_rest(self.predicted, positive),
        )

    def to_frame(self) -> pd.DataFrame:
        """One row per image, complete: `from_frame` gives the same predictions back.

        Columns: method, id, label and predicted (names), label_index and predicted_index,
        seconds (of the whole set, repeated), and score_<class> for every class in order.
        """
        import pandas as pd

        names = np.asarray(self.class_names, dtype=object)
        columns: dict[str, object] = {
            "method": self.method,
            "id": self.ids.astype(object),
            "label": names[self.labels],
            "predicted": names[self.predicted],
            "label_index": self.labels,
            "predicted_index": self.predicted,
            "seconds": self.seconds,
        }
        columns |= {f"{_SCORE}{name}": self.scores[:, k] for k, name in enumerate(names)}
        return pd.DataFrame(columns)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> Predictions:
        """The predictions that `to_frame` wrote.

        Class names come from the score columns, so names such as "001" or "NA" survive a CSV
        file. Ids like these survive it only if it is read with ``dtype={"id": str}``.

        Raises:
            ValueError: The frame is empty or holds several methods.
        """
        methods = frame["method"].unique()
        if len(methods) != 1:
            raise ValueError(f"a frame of predictions holds one method, this one: {list(methods)}")
        score_columns = [name for name in frame.columns if name.startswith(_SCORE)]
        scores = frame[score_columns].to_numpy(dtype=np.float32)
        predicted = frame["predicted_index"].to_numpy(dtype=np.int64)
        return cls(
            method=str(methods[0]),
            ids=frame["id"].to_numpy(dtype=str),
            labels=frame["label_index"].to_numpy(dtype=np.int64),
            scores=scores,
            class_names=tuple(name.removeprefix(_SCORE) for name in score_columns),
            seconds=float(frame["seconds"].iloc[0]),
            decisions=None if np.array_equal(predicted, scores.argmax(axis=1)) else predicted,
        )


def _are_probabilities(scores: np.ndarray) -> bool:
    """Whether every row of (N, K) is a distribution; rows of decision values never all are."""
    total = scores.sum(axis=1, dtype=np.float64)
    # Half-precision networks miss 1 by up to about 0.01.
    return bool((scores >= 0).all() and np.abs(total - 1).max() < 0.02)
