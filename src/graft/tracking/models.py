"""Bundles in MLflow's registry of models."""

from __future__ import annotations

import base64
import io
import logging
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from graft.tracking.location import without_password

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

# What serving needs besides Graft itself, which is on no package index: `--env-manager local` takes
# it from the environment. Named here, because MLflow would look for it in eleven seconds.
_REQUIREMENTS = ("torch", "torchvision", "safetensors", "scikit-learn", "skops", "pillow", "pandas")


def record_model(folder: Path, name: str) -> None:
    """Log a bundle as a model of the active run, and register it as a version of `name`.

    Where the tracking store keeps no registry, it is logged alone, with a warning.

    Args:
        folder: The bundle's.
        name: What the registered model is called.
    """
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    logged = mlflow.pyfunc.log_model(
        name=name,
        loader_module="graft.serving",
        data_path=str(folder),
        signature=ModelSignature(Schema([ColSpec("string", "image")])),
        input_example=_example(),
        pip_requirements=_pinned(_REQUIREMENTS),
    )
    try:
        version = mlflow.register_model(logged.model_uri, name).version
    except mlflow.MlflowException as error:
        logger.warning(
            "The model is logged in MLflow as %s, but could not be registered: %s",
            logged.model_uri,
            error,
        )
        return
    logger.info(
        "The model is version %s of '%s' in MLflow. Serve it: MLFLOW_TRACKING_URI=%s mlflow models "
        "serve --env-manager local -m models:/%s/%s",
        version,
        name,
        shlex.quote(without_password(mlflow.get_tracking_uri())),
        name,
        version,
    )


def _example() -> pd.DataFrame:
    """A request of one grey picture; a training image might be nobody else's to see."""
    import pandas as pd
    from PIL import Image

    png = io.BytesIO()
    Image.new("RGB", (8, 8), "grey").save(png, format="PNG")
    return pd.DataFrame({"image": [base64.b64encode(png.getvalue()).decode()]})


def _pinned(packages: tuple[str, ...]) -> list[str]:
    """The packages at the versions that are installed."""
    import importlib.metadata

    return [f"{name}=={importlib.metadata.version(name)}" for name in packages]
