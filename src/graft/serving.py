"""A bundle as a model of MLflow: what `mlflow models serve` loads, asks and sends back.

A model in MLflow's registry is our bundle's folder and the name of this module, so nothing is
pickled. A request holds a column `image` of base64 texts, each an encoded file (JPEG, PNG, …):

    {"dataframe_records": [{"image": "iVBORw0…"}, {"image": "/9j/4AA…"}]}

and the answer one entry an image, also where an image is bad:

    {"predictions": [{"label": "cat", "probabilities": {"cat": 0.9, "dog": 0.1}, "error": null},
                     {"label": null, "probabilities": null, "error": "empty file"}]}

Where an image may show several classes it is "labels", a list; of a support vector machine it is
"scores", which are no probabilities.
"""

from __future__ import annotations

import base64
import binascii
import math
from typing import TYPE_CHECKING, Any

from graft.bundle import load_bundle

if TYPE_CHECKING:
    import pandas as pd

    from graft.bundle import BatchPrediction, Bundle

IMAGE = "image"  # the column of a request


class ServedBundle:
    """What MLflow asks for predictions."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle

    def predict(
        self, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """An answer for each row.

        Args:
            model_input: With a column `image` of base64 texts.
            params: MLflow's; there are none.
        """
        from graft.classes import split_label

        texts = model_input[IMAGE].tolist()
        ids = [str(row) for row in range(len(texts))]
        answer = self._bundle.predict_from(lambda row: _decode(texts[row]), ids)
        kind = "probabilities" if answer.probabilistic else "scores"
        answers = []
        for row, (label, error) in enumerate(zip(answer.labels, answer.errors, strict=True)):
            shown: Any = {"label": label}
            if answer.thresholds is not None:
                shown = {"labels": list(split_label(label))}
            if error:
                shown = dict.fromkeys(shown)
            scores = None if error else _scores(answer, row)
            answers.append({**shown, kind: scores, "error": error or None})
        return answers


def _load_pyfunc(path: str) -> ServedBundle:
    """What MLflow calls with the folder that lies in the model."""
    return ServedBundle(load_bundle(path))


def _decode(text: str) -> bytes:
    """The file in a base64 text, perhaps after "data:image/png;base64,", as browsers write it."""
    from graft.images.decoder import UnusableImageError

    try:
        return base64.b64decode(text.rpartition("base64,")[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnusableImageError(f"not base64: {error}") from error


def _scores(answer: BatchPrediction, row: int) -> dict[str, float | None]:
    """By class; JSON has no infinity, which a machine gives a class without training images."""
    values = answer.scores[row].tolist()
    return {
        name: value if math.isfinite(value) else None
        for name, value in zip(answer.class_names, values, strict=True)
    }
