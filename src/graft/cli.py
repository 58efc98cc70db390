"""The project's commands: `kedro run` with experiments, and `kedro experiments`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import CONTEXT_SETTINGS
from kedro.framework.project import pipelines, settings

from graft.config.problems import did_you_mean
from graft.errors import GraftError
from graft.tracking.turns import end_turn, wait_for_turn


class UserError(click.ClickException):
    """A mistake of the user's: shown without a traceback, which would lead away from it."""

    def show(self, file: Any = None) -> None:
        click.secho(self.message, fg="red", err=True)


@click.group(context_settings=CONTEXT_SETTINGS, name="graft")
def cli() -> None:
    """Graft: transfer learning for image classification."""


_EXPERIMENT = click.Option(
    ["--experiment", "-x"],
    metavar="NAME",
    help="The experiment to run, see `kedro experiments`; short for --params=experiment=NAME.",
)


@cli.command(params=[_EXPERIMENT, *kedro_run.params])
def run(experiment: str | None, **options: Any) -> Any:
    """Run a pipeline.

    \b
    kedro run --pipeline=transfer_learning
    kedro run --pipeline=transfer_learning -x digits_10shot
    kedro run --pipeline=training --params=training.epochs=3,seed=1
    """
    if experiment:
        options["params"] = {**options["params"], "experiment": experiment}
    if options["pipeline"]:
        if options["pipelines"]:
            raise click.UsageError("--pipeline and --pipelines mean the same: give one of them.")
        # Kedro warns that --pipeline will go some day. With us it stays.
        options["pipelines"], options["pipeline"] = [options["pipeline"]], None
    wait_for_turn(_project_path(click.get_current_context()))
    try:
        return kedro_run.callback(**options)
    except Exception as error:
        mistake = _mistake_behind(error) or _unknown_pipeline(error, options["pipelines"])
        if mistake is None:
            raise
        raise UserError(str(mistake)) from error
    finally:
        end_turn()  # a run that has begun has done so already


def _mistake_behind(error: BaseException | None) -> GraftError | None:
    """The user's mistake that led to an error; Kedro wraps what a dataset raises."""
    while error is not None and not isinstance(error, GraftError):
        error = error.__cause__
    return error


def _unknown_pipeline(error: Exception, names: Sequence[str] | None) -> GraftError | None:
    """The mistake, if that is why Kedro raises a ValueError."""
    unknown = [name for name in names or () if name not in pipelines]
    if not (isinstance(error, ValueError) and unknown):
        return None
    known = [name for name in pipelines if not name.startswith("__")]
    return GraftError(
        f"There is no pipeline '{unknown[0]}'{did_you_mean(unknown[0], known)}\n"
        f"      There are {', '.join(known)}."
    )


@cli.group(invoke_without_command=True)
@click.pass_context
def experiments(context: click.Context) -> None:
    """List the experiments of conf/experiments."""
    if context.invoked_subcommand is not None:
        return
    from graft.config.experiments import ExperimentFolder

    folder = ExperimentFolder(str(_conf_folder(context) / "experiments"))
    names = folder.names()
    width = max(map(len, names), default=0)
    for name in names:
        try:
            description = folder.read(name).description
        except GraftError as error:
            description = click.style(str(error), fg="red")
        click.echo(f"{click.style(name.ljust(width), bold=True)}  {description}")


@experiments.command()
@click.argument("name")
@click.pass_context
def show(context: click.Context, name: str) -> None:
    """Print what experiment NAME changes, and which file says so."""
    from omegaconf import OmegaConf

    from graft.config.experiments import ExperimentFolder, leaf_keys

    folder = ExperimentFolder(str(_conf_folder(context) / "experiments"))
    try:
        lineage = folder.lineage(name)
    except GraftError as error:
        raise UserError(str(error)) from error
    click.secho(lineage[-1].description, bold=True)
    changes: dict[str, tuple[str, str]] = {}
    for experiment in lineage:
        for key in leaf_keys(OmegaConf.to_container(experiment.overrides, resolve=False)):
            value = OmegaConf.select(experiment.overrides, key)
            changes[key] = (str(value), experiment.file)
    widest_key = max(map(len, changes), default=0)
    widest_value = max((len(value) for value, _ in changes.values()), default=0)
    for key, (value, file) in changes.items():
        origin = click.style(file, dim=True)
        click.echo(f"  {key.ljust(widest_key)}  {value.ljust(widest_value)}  {origin}")


def _conf_folder(context: click.Context) -> Path:
    """The project's `conf`; `context.obj` is what Kedro knows about the project."""
    return _project_path(context) / str(settings.CONF_SOURCE)


def _project_path(context: click.Context) -> Path:
    return Path(context.obj.project_path) if context.obj else Path.cwd()
