"""The command `kedro submit`: a `kedro run` as jobs on a cluster with SLURM."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from graft.cli.shared import (
    UserError,
    conf_folder,
    load_configuration,
    project_path,
    unknown_pipeline,
)
from graft.errors import GraftError

if TYPE_CHECKING:
    from kedro.config import AbstractConfigLoader
    from kedro.pipeline import Pipeline

    from graft.cluster.plan import Request


# No short options: Click would find them inside those of `kedro run`.
@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
    options_metavar="[OPTIONS]",
)
@click.option("--dry-run", is_flag=True, help="Show the script, submit nothing.")
@click.option("--time", metavar="HH:MM:SS", help="After this it is queued again.")
@click.option("--gpus", metavar="N", help='On each node, e.g. 2 or "a100:2"; 0 for none.')
@click.option("--cpus", type=int, metavar="N", help="On each node.")
@click.option("--memory", metavar="SIZE", help="On each node, e.g. 32G.")
@click.option("--partition", metavar="NAME", help="Where to run.")
@click.option("--account", metavar="NAME", help="Whom the hours are charged to.")
@click.option("--mail-user", metavar="ADDRESS", help="Whom SLURM writes to.")
@click.option("--at-once", type=int, metavar="N", help="Tasks of an array at the same time.")
@click.option("--workers", type=int, metavar="N", help="Of a sweep, a task each.")
@click.argument("run_arguments", nargs=-1, type=click.UNPROCESSED, metavar="KEDRO_RUN_ARGUMENTS…")
@click.pass_context
def submit(
    context: click.Context, dry_run: bool, run_arguments: tuple[str, ...], **options: Any
) -> None:
    """Run a pipeline as a job of SLURM.

    Takes all that `kedro run` takes. What is not asked for here stands in
    conf/base/cluster.yml and conf/local/cluster.yml.

    \b
    kedro submit --pipeline=transfer_learning -x cifar100 --dry-run
    kedro submit --pipeline=transfer_learning -x cifar100 --time=08:00:00
    kedro submit --pipeline=study --params=study=mnist        # a task each row
    kedro submit --pipeline=sweep -x digits_sweep --workers=8 # a task each worker
    kedro submit --pipeline=training --params=processes.hosts=2,processes.per_host=4 --gpus=4

    A job whose time is up saves its training, is queued again and goes on to
    the same bits.
    """
    from graft.cluster.plan import plan_jobs
    from graft.cluster.script import render_script
    from graft.cluster.submission import submit_script
    from graft.config.cluster import read_cluster, read_mail
    from graft.pipelines.requirements import require_runnable

    project = project_path(context)
    try:
        loader, request = _read_request(context, run_arguments)
        cluster = read_cluster(loader, options)
        read_mail(loader)  # a mistake there would end the job as soon as it starts
        jobs = plan_jobs(request, cluster)
        require_runnable(_chosen_nodes(request), request.parameters, download=not dry_run)
        job_id = None
        for job in jobs:
            script = render_script(job, cluster, project, Path(sys.executable).parent)
            if dry_run:
                click.echo(script)
                continue
            job_id = submit_script(script, project, after=job_id)
            click.echo(f"{click.style(f'Job {job_id}', bold=True)}  {job.name}{_tasks(job.tasks)}")
            click.echo(f"  state   squeue --job={job_id}")
            click.echo(f"  log     tail -F {job.log(job_id)}")
            click.echo(f"  stop    scancel {job_id}")
    except GraftError as error:
        raise UserError(str(error)) from error


def _tasks(tasks: tuple[Any, ...]) -> str:
    return f", {len(tasks)} tasks" if len(tasks) > 1 else ""


def _read_request(
    context: click.Context, arguments: tuple[str, ...]
) -> tuple[AbstractConfigLoader, Request]:
    """The run with its parameters, checked as the run itself would check them."""
    from graft.cli.run import run
    from graft.cluster.plan import Request

    options = run.make_context("run", list(arguments)).params
    if options["config"]:
        raise click.UsageError("--config is for kedro run alone: give what it holds as options.")
    if options["experiment"]:
        options["params"] = {**options["params"], "experiment": options["experiment"]}
    loader = load_configuration(context, options)
    named = [options["pipeline"]] if options["pipeline"] else options["pipelines"]
    chosen = tuple(named or [loader["globals"]["pipeline"]])
    if mistake := unknown_pipeline(chosen):
        raise mistake
    request = Request(
        arguments,
        options,
        chosen,
        loader["parameters"],
        Path(options["conf_source"] or conf_folder(context)),
        project_path(context),
    )
    return loader, request


def _chosen_nodes(request: Request) -> Pipeline:
    """What of the pipelines will run."""
    from kedro.framework.project import pipelines
    from kedro.pipeline import Pipeline

    from graft.tracking.run_record import PARTS

    parts = {part: request.options[part] for part in PARTS}
    parts["node_namespaces"] = parts.pop("namespaces")
    whole = sum((pipelines[name] for name in request.pipelines), Pipeline([]))
    try:
        return whole.filter(**parts)
    except ValueError as error:  # which Kedro raises of a wrong name
        raise GraftError(str(error)) from error
