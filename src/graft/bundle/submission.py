"""Predictions in the columns that a competition asks for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from graft.bundle.prediction import PROBABILITY
from graft.classes import split_label
from graft.errors import GraftError

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

IDS: Mapping[str, Callable[[str], str]] = {
    "stem": lambda path: PurePosixPath(path).stem,
    "name": lambda path: PurePosixPath(path).name,
    "path": lambda path: path,
}


@dataclass(frozen=True)
class SubmissionFormat:
    """What a competition wants to see; `prediction.submission` in the parameters.

    Attributes:
        id_column: What the first column is called.
        id: What stands in it: a file's "stem" (photos/7.jpg: 7), its "name" (7.jpg), or its "path"
            from the folder of the images.
        label_column: What the column of the label is called; None for a column for each class, with
            its probability, in its place.
        label_separator: What stands between several labels of an image.
    """

    id_column: str = "id"
    id: Literal["stem", "name", "path"] = "stem"
    label_column: str | None = "label"
    label_separator: str = " "


def submission_table(predictions: pd.DataFrame, wanted: SubmissionFormat) -> pd.DataFrame:
    """A row for each image that could be used, in the columns that are wanted.

    Args:
        predictions: As `BatchPrediction.to_frame` gives them, the ids being paths.
        wanted: The columns.

    Raises:
        GraftError: Two images get the same id, or probabilities are wanted of a machine.
    """
    import pandas as pd

    usable = predictions[predictions["error"] == ""]
    if unusable := len(predictions) - len(usable):
        logger.warning(
            "The submission lacks %d of %d images, which could not be used: 'predictions' lists "
            "them with the reason.",
            unusable,
            len(predictions),
        )
    ids = usable["id"].map(IDS[wanted.id])
    if ids.duplicated().any():
        raise GraftError(
            f"Two images would have the {wanted.id_column} '{ids[ids.duplicated()].iloc[0]}'. Set "
            "prediction.submission.id to 'path', or to 'name'."
        )
    table = pd.DataFrame({wanted.id_column: ids})
    if wanted.label_column is not None:
        labels = usable["label"].map(lambda text: wanted.label_separator.join(split_label(text)))
        return table.assign(**{wanted.label_column: labels}).reset_index(drop=True)
    columns = [name for name in usable.columns if name.startswith(PROBABILITY)]
    if not columns:
        raise GraftError(
            "prediction.submission.label_column is null, which asks for probabilities, and a "
            "support vector machine has none. Name a column, or take the bundle of a network."
        )
    probabilities = usable[columns].rename(columns=lambda name: name.removeprefix(PROBABILITY))
    return pd.concat([table, probabilities], axis=1).reset_index(drop=True)
