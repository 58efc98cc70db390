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
    # A server that is away is asked again later, by `graft.tracking.mirror`; MLflow would go on for
    # minutes. Seconds, and how often.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # MLflow tells of every step of making its database.
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}


def prepare_environment() -> None:
    """Set the environment variables that the user has not set, and tidy the console."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    # Kedro's console handler turns warnings into log records. A filter of `warnings` would be
    # overruled by the ones that MLflow's dependencies set when they are imported.
    for name in ("py.warnings", "kedro.runner.sequential_runner"):
        logging.getLogger(name).addFilter(_is_for_users)


def show_brackets() -> None:
    """Let the console show brackets in messages as they are.

    For each run anew: once it has imported the project's settings, Kedro makes its handlers again.
    """
    for handler in logging.getLogger().handlers:
        handler.addFilter(_markup_is_kedros)


# Advice that users are given at every command and cannot follow: MLflow's is meant for the authors
# of kedro-mlflow, and with kedro-mlflow Kedro's --async is none.
_ADVICE_TO_AUTHORS = (
    "Add type hints to the `predict` method",
    "Using synchronous mode for loading and saving data",
)


def _markup_is_kedros(record: logging.LogRecord) -> bool:
    """Let Kedro's console handler read tags of colour in Kedro's messages alone.

    In all others brackets are brackets: a file called "[/b].png" would end the run.
    """
    if not hasattr(record, "rich_format"):  # what Kedro marks its coloured words with
        record.markup = False
    return True


def _is_for_users(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    return not any(advice in message for advice in _ADVICE_TO_AUTHORS)
