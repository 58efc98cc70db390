"""Does a bundle say what was said when the classifier was evaluated?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from graft.errors import GraftError

if TYPE_CHECKING:
    from graft.bundle.bundle import Bundle
    from graft.evaluation.predictions import Predictions
    from graft.images.store import ImageStore

_TRIED = 8  # images
# Of a probability or decision value. Evaluation may have computed elsewhere, in half precision:
# then most answers stay within, but the votes of a support vector machine may change by one.
_TOLERANCE, _MOST = 0.05, 0.75


def require_same_answers(bundle: Bundle, store: ImageStore, evaluated: Predictions) -> None:
    """Let a bundle answer for a few test images, and compare with what evaluation recorded.

    A bundle is put together from a network, a probe and parameters that may come from several
    runs: other taps, classes or images show here, and other weights unless they are as good.

    Args:
        bundle: A new one.
        store: The images that were evaluated.
        evaluated: The recorded predictions, at temperature 1.

    Raises:
        GraftError: Most of them differ by more than rounding.
    """
    rows = {name: row for row, name in enumerate(store.manifest["id"])}
    tried = [rows[name] for name in evaluated.ids[:_TRIED]]
    scores = replace(bundle, temperature=1.0).scores(store.images[tried])
    expected = evaluated.scores[:_TRIED]
    close = np.isclose(scores, expected, rtol=_TOLERANCE, atol=_TOLERANCE).all(axis=1)
    if close.mean() < _MOST:
        raise GraftError(
            f"The bundle answers otherwise than '{evaluated.method}' did in evaluation, so its "
            "parts are of different runs. Run `kedro run --pipeline=transfer_learning` with the "
            "same experiment and parameters."
        )
