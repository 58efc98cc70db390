"""The project's commands beside Kedro's own: a file each."""

import click
from kedro.framework.cli.utils import CONTEXT_SETTINGS

from graft.cli.experiments import experiments
from graft.cli.run import run
from graft.cli.submit import submit
from graft.cli.sync import sync

__all__ = ["cli", "run"]  # Kedro looks for them here


@click.group(context_settings=CONTEXT_SETTINGS, name="graft")
def cli() -> None:
    """Graft: transfer learning for image classification."""


for command in (run, experiments, submit, sync):
    cli.add_command(command)
