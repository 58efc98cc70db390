"""The command `kedro run`, with experiments."""

from __future__ import annotations

from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run

from graft.cli.shared import UserError, load_configuration, project_path, unknown_pipeline
from graft.errors import GraftError
from graft.tracking.turns import end_turn, wait_for_turn

_EXPERIMENT = click.Option(
    ["--experiment", "-x"],
    metavar="NAME",
    help="The experiment to run, see `kedro experiments`; short for --params=experiment=NAME.",
)


@click.command(params=[_EXPERIMENT, *kedro_run.params])
def run(experiment: str | None, **options: Any) -> Any:
    """Run a pipeline.

    \b
    kedro run --pipeline=transfer_learning
    kedro run --pipeline=transfer_learning -x digits_10shot
    kedro run --pipeline=training --params=training.epochs=3,seed=1
    kedro run -x M6

    Without --pipeline it is the one that the experiment is meant for, or else transfer_learning.
    """
    if experiment:
        options["params"] = {**options["params"], "experiment": experiment}
    if options["pipeline"]:
        if options["pipelines"]:
            raise click.UsageError("--pipeline and --pipelines mean the same: give one of them.")
        # Kedro warns that --pipeline will go some day. With us it stays.
        options["pipelines"], options["pipeline"] = [options["pipeline"]], None
    context = click.get_current_context()
    wait_for_turn(project_path(context))
    try:
        if not options["pipelines"]:
            options["pipelines"] = [load_configuration(context, options)["globals"]["pipeline"]]
        return kedro_run.callback(**options)
    except Exception as error:
        mistake = _mistake_behind(error)
        if mistake is None and isinstance(error, ValueError):  # which Kedro raises of a wrong name
            mistake = unknown_pipeline(options["pipelines"] or ())
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
