"""What a classifier said about a set of images, in the one form that every evaluation reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from graft.classes import NOT_COUNTED, REST, class_index, join_labels, one_against_rest

if TYPE_CHECKING:
    import pandas as pd

# Prefixes of the columns of a frame that there are for each class.
_LABEL, _SCORE = "label_", "score_"


@dataclass(frozen=True, eq=False)
class Predictions:
    """Scores of one method for N images and K classes.

    Attributes:
        method: Name of the classifier, as tables and legends show it.
        ids: str (N,), unique image ids.
        labels: int64 (N,), true classes, indices into `class_names`; of a multi-label task int8
            (N, K), 1 present, 0 absent, -1 not counted.
        scores: float32 (N, K), the higher the likelier: class probabilities of a network, or
            decision values of a support vector machine (two classes: (-d, d)).
        class_names: K names; of two classes of a single-label task, the second is the positive one.
        seconds: Time that the N predictions took.
        decisions: int64 (N,), the classes decided for, where they are *not* the highest score;
            single-label only. `as_binary` needs this: a ten-class network says "bird" when bird
            is the likeliest of ten, which may well be at a probability of 0.3.
        threshold: The score above which a method says that a class is present: 0.5 of
            probabilities, 0 of decision values. Multi-label only, and needed there.

    Raises:
        ValueError: Shapes that do not fit, labels outside the classes, repeated ids or class
            names, NaN among the scores, a threshold too many or too few.
    """

    method: str
    ids: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    class_names: tuple[str, ...]
    seconds: float
    decisions: np.ndarray | None = None
    threshold: float | None = None

    def __post_init__(self) -> None:
        def settle(field: str, value: object) -> None:
            object.__setattr__(self, field, value)

        settle("ids", np.asarray(self.ids, dtype=str))
        settle("labels", np.asarray(self.labels))
        settle("labels", self.labels.astype(np.int8 if self.multi_label else np.int64))
        settle("scores", np.asarray(self.scores, dtype=np.float32))
        settle("class_names", tuple(self.class_names))
        if self.decisions is not None:
            settle("decisions", np.asarray(self.decisions, dtype=np.int64))
        self._check()
        if self.multi_label:
            self._check_labels_of_each_class()
        else:
            self._check_classes()

    def _check(self) -> None:
        images, classes = len(self.ids), len(self.class_names)
        if images == 0:
            raise ValueError(f"{self._whose}: no images")
        if self.ids.shape != (images,) or len(np.unique(self.ids)) < images:
            raise ValueError(f"{self._whose}: ids must be one-dimensional and unique")
        if len(set(self.class_names)) < classes:
            raise ValueError(f"{self._whose}: class names repeat in {self.class_names}")
        if self.scores.shape != (images, classes):
            raise ValueError(
                f"{self._whose}: scores have shape {self.scores.shape}, "
                f"expected ({images} images, {classes} classes)"
            )
        if np.isnan(self.scores).any():
            broken = int(np.isnan(self.scores).any(axis=1).sum())
            raise ValueError(f"{self._whose}: the scores of {broken} of {images} images are NaN")

    def _check_classes(self) -> None:
        images, classes = self.scores.shape
        for field, chosen in (("labels", self.labels), ("decisions", self.decisions)):
            if chosen is None:
                continue
            if chosen.shape != (images,):
                raise ValueError(
                    f"{self._whose}: {field} have shape {chosen.shape}, not ({images},)"
                )
            if chosen.min() < 0 or chosen.max() >= classes:
                raise ValueError(f"{self._whose}: {field} must lie between 0 and {classes - 1}")
        if self.threshold is not None:
            raise ValueError(f"{self._whose}: a threshold, but only one class an image")

    def _check_labels_of_each_class(self) -> None:
        if self.labels.shape != self.scores.shape:
            raise ValueError(
                f"{self._whose}: labels have shape {self.labels.shape}, not {self.scores.shape}"
            )
        if not np.isin(self.labels, (NOT_COUNTED, 0, 1)).all():
            raise ValueError(f"{self._whose}: labels of each class must be 1, 0 or {NOT_COUNTED}")
        if self.threshold is None or self.decisions is not None:
            raise ValueError(f"{self._whose}: several classes an image are decided by a threshold")

    @property
    def _whose(self) -> str:
        return f"predictions of {self.method!r}"

    @property
    def multi_label(self) -> bool:
        """Whether an image may show several classes, or none."""
        return self.labels.ndim == 2

    @property
    def counted(self) -> np.ndarray:
        """Whether a class counts in an image, bool (N, K); multi-label."""
        return np.asarray(self.labels != NOT_COUNTED)

    @property
    def predicted(self) -> np.ndarray:
        """What the method decided.

        Single-label int64 (N,), `decisions` or else the first of the highest scores; multi-label
        int8 (N, K), 1 where the score is above the threshold.
        """
        if self.threshold is not None:
            return (self.scores > self.threshold).astype(np.int8)
        if self.decisions is not None:
            return self.decisions
        return np.asarray(self.scores.argmax(axis=1))

    @property
    def correct(self) -> np.ndarray:
        """Whether the image was classified right, bool (N,); multi-label: in every class."""
        if self.multi_label:
            return np.asarray(((self.predicted == self.labels) | ~self.counted).all(axis=1))
        return np.asarray(self.predicted == self.labels)

    @property
    def probabilistic(self) -> bool:
        """Whether the scores are probabilities: of one class among all, or of each class."""
        if self.threshold is not None:
            within = (self.scores >= 0).all() and (self.scores <= 1).all()
            return bool(within and 0 < self.threshold < 1)
        total = self.scores.sum(axis=1, dtype=np.float64)
        # Half-precision networks miss 1 by up to about 0.01; rows of decision values never all do.
        return bool((self.scores >= 0).all() and np.abs(total - 1).max() < 0.02)

    def as_binary(self, positive_class: str) -> Predictions:
        """The same predictions as an answer to "is it `positive_class`?", or "does it show it?".

        The classes become ("rest", positive_class). An image counts as positive if the method
        decided for that class, of a single-label task among all of them. Scores are (1 - p, p) of
        the class's probability p, or (-d, d) of its decision value d where the scores are not
        probabilities; their ranking is what ROC and precision-recall curves are drawn from. Images
        in which the class is not counted are left out.

        Raises:
            GraftError: There is no such class.
        """
        if self.class_names == (REST, positive_class) and not self.multi_label:
            return self
        positive = class_index(positive_class, self.class_names)
        if self.multi_label:
            labels, decided = self.labels[:, positive], self.predicted[:, positive]
        else:
            labels = one_against_rest(self.labels, positive)
            decided = one_against_rest(self.predicted, positive)
        score = self.scores[:, positive]
        rest = 1.0 - score if self.probabilistic else -score
        counted = labels != NOT_COUNTED
        return replace(
            self,
            ids=self.ids[counted],
            labels=labels[counted],
            scores=np.stack([rest, score], axis=1)[counted],
            class_names=(REST, positive_class),
            decisions=decided[counted],
            threshold=None,
        )

    def to_frame(self) -> pd.DataFrame:
        """One row per image, complete: `from_frame` gives the same predictions back.

        Columns: method, id, label and predicted (names, several joined by "|"), seconds (of the
        whole set, repeated) and score_<class> for every class in order. Besides, single-label:
        label_index and predicted_index; multi-label: threshold (repeated) and label_<class> (1, 0
        or -1).
        """
        import pandas as pd

        names = np.asarray(self.class_names, dtype=object)
        columns: dict[str, object] = {"method": self.method, "id": self.ids.astype(object)}
        if self.multi_label:
            columns |= {
                "label": [join_labels(names[shown]) for shown in self.labels == 1],
                "predicted": [join_labels(names[said]) for said in self.predicted == 1],
                "threshold": self.threshold,
            }
            columns |= {f"{_LABEL}{name}": self.labels[:, k] for k, name in enumerate(names)}
        else:
            columns |= {
                "label": names[self.labels],
                "predicted": names[self.predicted],
                "label_index": self.labels,
                "predicted_index": self.predicted,
            }
        columns["seconds"] = self.seconds
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
        names = tuple(name.removeprefix(_SCORE) for name in score_columns)
        scores = frame[score_columns].to_numpy(dtype=np.float32)
        decisions, threshold = None, None
        if "threshold" in frame:
            labels = frame[[f"{_LABEL}{name}" for name in names]].to_numpy(dtype=np.int8)
            threshold = float(frame["threshold"].iloc[0])
        else:
            labels = frame["label_index"].to_numpy(dtype=np.int64)
            predicted = frame["predicted_index"].to_numpy(dtype=np.int64)
            decisions = None if np.array_equal(predicted, scores.argmax(axis=1)) else predicted
        return cls(
            method=str(methods[0]),
            ids=frame["id"].to_numpy(dtype=str),
            labels=labels,
            scores=scores,
            class_names=names,
            seconds=float(frame["seconds"].iloc[0]),
            decisions=decisions,
            threshold=threshold,
        )
