"""What the project's commands share: mistakes of users, and where the project lies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from kedro.framework.project import pipelines, settings

from graft.errors import GraftError, did_you_mean

if TYPE_CHECKING:
    from graft.config.experiments import ExperimentFolder


class UserError(click.ClickException):
    """A mistake of the user's: shown without a traceback, which would lead away from it."""

    def show(self, file: Any = None) -> None:
        click.secho(self.message, fg="red", err=True)


def project_path(context: click.Context) -> Path:
    """The project's folder; `context.obj` is what Kedro knows about the project."""
    return Path(context.obj.project_path) if context.obj else Path.cwd()


def conf_folder(context: click.Context) -> Path:
    """The project's `conf`."""
    return project_path(context) / str(settings.CONF_SOURCE)


def experiment_folder(context: click.Context) -> ExperimentFolder:
    """The project's `conf/experiments`."""
    from graft.config.experiments import ExperimentFolder

    return ExperimentFolder(str(conf_folder(context) / "experiments"))


def unknown_pipeline(names: Sequence[str]) -> GraftError | None:
    """What is wrong with these names of pipelines, None where all of them exist."""
    unknown = [name for name in names if name not in pipelines]
    if not unknown:
        return None
    known = [name for name in pipelines if not name.startswith("__")]
    return GraftError(
        f"There is no pipeline '{unknown[0]}'{did_you_mean(unknown[0], known)}\n"
        f"      There are {', '.join(known)}."
    )
