"""What is put together has to come from the same images in the same parts.

Pipelines can be run alone, on what earlier runs have stored. A network that was trained with
another seed has seen many of this seed's test images: its accuracy on them would be worthless, and
nothing would look wrong.
"""

from __future__ import annotations

from typing import Any

from graft.errors import GraftError

MAKERS = {
    "dataset_card": "ingest",
    "best_checkpoint": "training",
    "scratch_checkpoint": "training",
    "features": "feature_extraction",
    "svm": "svm",
    "linear_probe": "probes",
    "knn": "probes",
}


def require_same_data(digest: str, **stored: dict[str, Any]) -> None:
    """Refuse what was made from other images, sizes, labels or parts.

    Args:
        digest: `ImageStore.digest` of the images at hand, or what something at hand records of it.
        stored: The metadata of datasets, by their names in the catalog; each holds "data".

    Raises:
        GraftError: Another digest; the message names the pipeline to run.
    """
    for name, metadata in stored.items():
        if metadata["data"] != digest:
            raise GraftError(
                f"'{name}' was made from other images or another split than those at hand. Run "
                f"`kedro run --pipeline={MAKERS[name]}` with the same experiment and parameters, "
                "or `--pipeline=transfer_learning` for all of it."
            )
