"""Before a run: is all there that it starts from?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from graft.errors import GraftError

if TYPE_CHECKING:
    from kedro.io import CatalogProtocol
    from kedro.pipeline import Pipeline


def require_stored_inputs(
    pipeline: Pipeline, catalog: CatalogProtocol, pipelines: Mapping[str, Pipeline]
) -> None:
    """Refuse to start a pipeline on results that an earlier one has not made yet.

    Args:
        pipeline: What is about to run.
        catalog: Its datasets.
        pipelines: All registered pipelines, to name the one that makes what is missing.

    Raises:
        GraftError: Something is not stored; the message says what to run first.
    """
    inputs = sorted(name for name in pipeline.inputs() if not name.startswith("param"))
    missing = [name for name in inputs if name in catalog and not catalog[name].exists()]
    if not missing:
        return
    width = max(map(len, missing))
    raise GraftError(
        "Nothing is stored yet of what this run starts from:\n"
        + "".join(f"  {name:{width}}  {_remedy(name, pipelines)}\n" for name in missing)
        + "Give the same experiment and parameters. `kedro run --pipeline=transfer_learning` runs "
        "all of it in one go."
    )


def _remedy(dataset: str, pipelines: Mapping[str, Pipeline]) -> str:
    """The command that makes a dataset: the smallest pipeline with it among its outputs."""
    makers = [
        (len(pipeline.nodes), name)
        for name, pipeline in pipelines.items()
        if dataset in pipeline.all_outputs()
    ]
    return f"is made by: kedro run --pipeline={min(makers)[1]}" if makers else "comes from outside"
