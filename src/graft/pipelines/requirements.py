"""Before a run: do its parameters fit what it is to do?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graft.images.sources import get_source
from graft.pipelines.from_parameters import require_buildable
from graft.sweeps.space import require_space

if TYPE_CHECKING:
    from kedro.pipeline import Pipeline

Params = dict[str, Any]


def require_runnable(pipeline: Pipeline, parameters: Params, *, download: bool = True) -> None:
    """Refuse what would fail whatever is stored: the same for `kedro run` and `kedro submit`.

    Args:
        pipeline: What is about to run.
        parameters: All parameters of the run.
        download: Whether to fetch published weights that do not lie here, see `require_buildable`.

    Raises:
        GraftError: The images' folder is not named, the network cannot be built or trained as
            told, a sweep cannot sample what its space says, or there is nothing to compare or to
            predict.
    """
    inputs = pipeline.inputs()
    if "source_images" in inputs:
        get_source(parameters["source"]["name"]).require_folder(parameters["source"]["folder"])
    if "params:model" in inputs:
        taps = parameters["features"]["taps"] if "params:features" in inputs else []
        training = parameters["training"] if "params:training" in inputs else None
        scratch = parameters["scratch"] if "params:scratch" in inputs else None
        require_buildable(parameters["model"], taps, training, scratch, download=download)
    if "params:sweep" in inputs:
        require_space(parameters)
    if "compared_results" in inputs:
        from graft.datasets.run_results import require_chosen

        require_chosen(parameters["comparison"]["runs"], parameters["comparison"]["experiments"])
    if "prediction_images" in inputs:
        from graft.datasets.image_folder import find_images

        find_images(parameters["prediction"]["folder"])
