"""`kedro experiments` and `kedro experiments show`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from textwrap import fill
from typing import Any, TypeVar

import click

from graft.cli.shared import UserError, conf_folder, experiment_folder
from graft.errors import GraftError

T = TypeVar("T")
_WIDTH = 100  # of running text
_WIDEST = 40  # of a column


@click.group(invoke_without_command=True)
@click.pass_context
def experiments(context: click.Context) -> None:
    """List the experiments below conf/experiments, folder by folder.

    \b
    kedro experiments                 all of them, a line each
    kedro experiments show M6         one of them: what it changes, and what a report says
    kedro run -x M6                   run it
    """
    if context.invoked_subcommand is not None:
        return
    folder = experiment_folder(context)
    groups = _or_user_error(folder.groups)
    width = max((len(name) for names in groups.values() for name in names), default=0)
    for group, names in groups.items():
        if group:
            _headline(group)
        for name in names:
            try:
                description = folder.read(name).description
            except GraftError as error:
                description = click.style(str(error), fg="red")
            click.echo(f"{click.style(name.ljust(width), bold=True)}  {description}")


@experiments.command()
@click.argument("name")
@click.option("--all", "whole", is_flag=True, help="Show all parameters, not only what differs.")
@click.pass_context
def show(context: click.Context, name: str, whole: bool) -> None:
    """Print experiment NAME: its launch command, the parameters that differ from the defaults of
    conf/base with the file that says so, what a report gives for it, assumptions and a note.

    \b
    kedro experiments show M6
    kedro experiments show M6 --all
    """
    from graft.config.settled import settings_of

    lineage = _or_user_error(lambda: experiment_folder(context).lineage(name))
    experiment = lineage[-1]
    click.secho(experiment.description, bold=True)
    for line in (experiment.commands or f"kedro run -x {name}").splitlines():
        click.echo(f"  {line}")
    settings = settings_of(lineage, conf_folder(context))
    _headline("All parameters" if whole else "Parameters that differ from conf/base")
    _columns(
        (setting.key, _as_yaml(setting.value), click.style(setting.file, dim=True))
        for setting in settings
        if whole or not (setting.is_default or setting.key == "experiment")
    )
    if experiment.reported:
        _headline("Reported")
        _columns((key, _figure(value)) for key, value in experiment.reported.items())
    if experiment.assumptions:
        _headline("Assumptions")
        for sentence in experiment.assumptions:
            _paragraph(sentence, bullet="- ")
    if experiment.note:
        _headline("Note")
        _paragraph(experiment.note)


def _or_user_error(read: Callable[[], T]) -> T:
    try:
        return read()
    except GraftError as error:
        raise UserError(str(error)) from error


def _headline(text: str) -> None:
    click.echo(f"\n{click.style(text, bold=True)}")


def _paragraph(text: str, bullet: str = "") -> None:
    blank = " " * (2 + len(bullet))
    click.echo(fill(text, _WIDTH, initial_indent=f"  {bullet}", subsequent_indent=blank))


def _columns(rows: Iterable[tuple[str, ...]]) -> None:
    """Rows of texts; a long one moves the rest of its own row only."""
    table = list(rows)
    columns = list(zip(*table, strict=True))[:-1]
    widths = [max((len(c) for c in column if len(c) <= _WIDEST), default=0) for column in columns]
    for *cells, last in table:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
        click.echo("  ".join(["", *padded, last]))


def _as_yaml(value: Any) -> str:
    """As one writes it: null, true, [layer4]."""
    import yaml

    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=math.inf)
    return text.removesuffix("\n").removesuffix("\n...")


def _figure(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return f"{value:,}" if type(value) is int else str(value)
