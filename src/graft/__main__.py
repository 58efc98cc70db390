"""`python -m graft`: `kedro run` for the packaged project (`kedro package`)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from kedro.framework.cli.utils import find_run_command
from kedro.framework.project import configure_project


def main(*args: Any, **kwargs: Any) -> Any:
    """Run a pipeline; takes what `kedro run` takes."""
    package_name = Path(__file__).parent.name
    configure_project(package_name)
    # In a notebook the result is of use, and the end of the process is not.
    kwargs.setdefault("standalone_mode", not hasattr(sys, "ps1"))
    return find_run_command(package_name)(*args, **kwargs)


if __name__ == "__main__":
    main()
