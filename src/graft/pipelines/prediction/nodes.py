"""Nodes of `prediction`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from graft.bundle import Bundle
    from graft.images.file_tree import FileTree

Params = dict[str, Any]

logger = logging.getLogger(__name__)

ERRORS_SHOWN = 10
IMAGES_SHOWN = 24


def predict(
    prediction_images: FileTree, prediction_bundle: Bundle, compute: Params
) -> pd.DataFrame:
    """What the bundle says of each image; a bad one gets its reason in the place of an answer."""
    from dataclasses import replace

    from graft.compute import resolve_compute
    from graft.progress import track

    bundle = replace(prediction_bundle, compute=resolve_compute(**compute))
    files = prediction_images.files
    answer = bundle.predict_from(lambda row: prediction_images.read(files[row]), files, track)
    predictions = answer.to_frame()
    bad = predictions[predictions["error"] != ""]
    logger.info(
        "%d images predicted by '%s' (%s).", len(files) - len(bad), bundle.name, bundle.method
    )
    if len(bad):
        lines = [f"\n  {row.id}: {row.error}" for row in bad.head(ERRORS_SHOWN).itertuples()]
        lines += ["\n  …"] if len(bad) > ERRORS_SHOWN else []
        logger.warning("%d of %d images could not be used:%s", len(bad), len(files), "".join(lines))
    return predictions


def write_submission(predictions: pd.DataFrame, prediction: Params) -> pd.DataFrame:
    """The predictions in a competition's columns."""
    from graft.bundle.submission import SubmissionFormat, submission_table

    return submission_table(predictions, SubmissionFormat(**prediction["submission"]))


def draw_predicted_images(
    prediction_images: FileTree, prediction_bundle: Bundle, predictions: pd.DataFrame
) -> Figure:
    """Some of the images, as the network saw them, under what the bundle says of them."""
    import numpy as np

    from graft.classes import split_label
    from graft.evaluation.figures import image_grid, in_words

    usable = predictions[predictions["error"] == ""]
    if not len(usable):
        return in_words(f"none of the {len(predictions):,} images could be used")
    places = np.linspace(0, len(usable) - 1, min(IMAGES_SHOWN, len(usable))).astype(int)
    shown = usable.iloc[places]
    ids = shown["id"].tolist()
    batches = prediction_bundle.transform.decode(
        lambda row: prediction_images.read(ids[row]), len(ids)
    )
    pixels = np.concatenate([pixels for pixels, _ in batches])
    columns = [name for name in shown.columns if name.startswith(("probability_", "score_"))]
    highest = shown[columns].max(axis=1)
    titles = [
        f"{', '.join(split_label(label)) or 'none of the classes'} ({score:.2f})\n{name}"
        for label, score, name in zip(shown["label"], highest, ids, strict=True)
    ]
    heading = f"{len(usable):,} of {len(predictions):,} images predicted"
    return image_grid(pixels, titles, columns=6, heading=f"{heading}: class (score), file")
