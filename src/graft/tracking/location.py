"""The address of the tracking store, and of the server that gets a copy of each run.

What is recorded goes to the project's own store even where a tracking server is chosen: a server
may be away, at any moment and for any time. `graft.tracking.mirror` delivers to it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from graft.errors import GraftError

# The server, for later sessions of this process and for the processes that it starts. They do not
# find it in MLFLOW_TRACKING_URI: there MLflow exports the store that it writes to.
SERVER_VARIABLE = "GRAFT_TRACKING_SERVER"

_ours: set[str] = set()


def tracking_location(project_path: Path) -> tuple[str, str | None]:
    """The tracking URI that is chosen, and the folder for artifacts where the store is ours.

    MLFLOW_TRACKING_URI of the environment, whose owner decides on artifacts too (None), else the
    project's own store.
    """
    own, artifact_root = own_store(project_path)
    chosen = os.environ.get("MLFLOW_TRACKING_URI")
    # MLflow exports each URI that it is given, so the variable may merely repeat what an earlier
    # session in this process, or in the one that started it, got from here; of another project
    # perhaps.
    if not chosen or chosen in _ours:
        chosen = os.environ.get(SERVER_VARIABLE) or own
    return (own, artifact_root) if chosen == own else (chosen, None)


def own_store(project_path: Path) -> tuple[str, str]:
    """The SQLite file `mlflow.db` and the folder `mlartifacts`, both at the project's root."""
    own = f"sqlite:///{(project_path / 'mlflow.db').as_posix()}"
    _ours.add(own)
    return own, str(project_path / "mlartifacts")


def is_server(uri: str) -> bool:
    """Whether a tracking server is behind the address, and not a store that MLflow opens itself."""
    return uri.startswith(("http://", "https://"))


def without_password(uri: str) -> str:
    """The address as logs and messages may show it.

    >>> without_password("postgresql://me:secret@lab.example/mlflow")
    'postgresql://me:…@lab.example/mlflow'
    """
    return re.sub(r"^([^:]+://[^/@:]*):[^/]*@", r"\1:…@", uri)


def record_at_home(mlflow_yml: dict[str, Any], project_path: Path) -> str | None:
    """Where the configuration of kedro-mlflow names a server, put the project's own store there.

    Args:
        mlflow_yml: The content of `mlflow.yml`, which is changed.
        project_path: The project's root.

    Returns:
        The server's address; None where there is none.

    Raises:
        GraftError: A password stands in the address, which runs would record and logs would show.
    """
    server = mlflow_yml["server"]["mlflow_tracking_uri"]
    if not (server and is_server(server)):
        return None
    if without_password(server) != server:
        raise GraftError(
            f"The tracking server's address {without_password(server)} holds a password, which "
            "runs would record. The environment variables MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD hold both."
        )
    if os.environ.get("MLFLOW_TRACKING_URI") == server:
        os.environ[SERVER_VARIABLE] = server
    own, artifact_root = own_store(project_path)
    mlflow_yml["server"]["mlflow_tracking_uri"] = own
    mlflow_yml["tracking"]["experiment"]["create_experiment_kwargs"]["artifact_location"] = (
        artifact_root
    )
    return str(server).rstrip("/")
