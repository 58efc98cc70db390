"""The address of the tracking store."""

from __future__ import annotations

import os
from pathlib import Path

_ours: set[str] = set()


def tracking_location(project_path: Path) -> tuple[str, str | None]:
    """The tracking URI, and the folder for artifacts where the store is ours.

    MLFLOW_TRACKING_URI of the environment, whose owner decides on artifacts too (None), else the
    SQLite file `mlflow.db` with the folder `mlartifacts`, both at the project's root.
    """
    own = f"sqlite:///{(project_path / 'mlflow.db').as_posix()}"
    # MLflow exports each URI that it is given, so the variable may merely repeat what an earlier
    # session in this process got from here, for another project perhaps.
    chosen = os.environ.get("MLFLOW_TRACKING_URI")
    if chosen and chosen not in _ours:
        return chosen, None
    _ours.add(own)
    return own, str(project_path / "mlartifacts")
