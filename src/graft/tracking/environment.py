"""What has to be settled before torch and MLflow are imported."""

from __future__ import annotations

import logging
import os

# Read by the libraries once, when they are imported.
_DEFAULTS = {
    # Idle OpenMP threads sleep instead of spinning: on shared processors spinning makes training
    # several times slower.
    "OMP_WAIT_POLICY": "PASSIVE",
    # Loading a pickle runs what is in it; our models are JSON, safetensors and skops.
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # MLflow tells of every step of making its database.
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}


def prepare_environment() -> None:
    """Set the environment variables that the user has not set, and quieten two warnings."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    # Kedro's console handler turns warnings into log records. A filter of `warnings` would be
    # overruled by the ones that MLflow's dependencies set when they are imported.
    logging.getLogger("py.warnings").addFilter(_is_for_users)


# Advice to authors, given to users at every command: MLflow's to those of kedro-mlflow, and
# Kedro's to us, whose nodes have previews.
_ADVICE_TO_AUTHORS = (
    "Add type hints to the `predict` method",
    "The 'preview_fn' feature is experimental",
)


def _is_for_users(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    return not any(advice in message for advice in _ADVICE_TO_AUTHORS)
