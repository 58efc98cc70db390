"""What the project's commands share: mistakes of users, and where the project lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from kedro.framework.project import pipelines, settings
from kedro.utils import find_kedro_project

from graft.errors import GraftError, did_you_mean

if TYPE_CHECKING:
    from kedro.config import AbstractConfigLoader

    from graft.config.experiments import ExperimentFolder


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
    return project_path(context) / str(settings.CONF_SOURCE)


def load_configuration(context: click.Context, options: Mapping[str, Any]) -> AbstractConfigLoader:
    """The configuration of a `kedro run` with these options, checked as the run will check it.

    As `globals` it has the pipeline that is run where no option names one.

    Raises:
        GraftError: The experiment is unknown, or parameters are wrong.
    """
    return settings.CONFIG_LOADER_CLASS(
        str(options["conf_source"] or conf_folder(context)),
        env=options["env"],
        runtime_params=options["params"],
        **settings.CONFIG_LOADER_ARGS,
    )


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
