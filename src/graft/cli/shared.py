"""What the project's commands share: mistakes of users, and where the project lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from kedro.framework.project import pipelines
from kedro.utils import find_kedro_project

from graft.errors import GraftError, did_you_mean

if TYPE_CHECKING:
    from graft.config.experiments import ExperimentFolder
    from graft.config.loader import GraftConfigLoader


class UserError(click.ClickException):
    """A mistake of the user's: shown without a traceback, which would lead away from it."""

    def show(self, file: Any = None) -> None:
        click.secho(self.message, fg="red", err=True)


def project_path(context: click.Context) -> Path:
    """The project's folder; `context.obj` is what Kedro knows about the project."""
    if context.obj:
        return Path(context.obj.project_path)
    return find_kedro_project(Path.cwd()) or Path.cwd()


def conf_folder(context: click.Context) -> Path:
    """The project's `conf`."""
    from graft.config import loader

    return loader.conf_folder(project_path(context))


def load_configuration(context: click.Context, options: Mapping[str, Any]) -> GraftConfigLoader:
    """The configuration of a `kedro run` with these options, checked as the run will check it.

    Raises:
        GraftError: The experiment is unknown, or parameters are wrong.
    """
    from graft.config import loader

    source = options["conf_source"] or conf_folder(context)
    return loader.load_configuration(source, options["env"], options["params"])


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
