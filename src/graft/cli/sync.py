"""The command `kedro sync`: deliver what a tracking server has yet to get."""

from __future__ import annotations

import logging

import click
from kedro.framework.cli.utils import CONTEXT_SETTINGS, env_option

from graft.cli.shared import UserError, project_path
from graft.errors import GraftError

logger = logging.getLogger(__name__)


@click.command(context_settings=CONTEXT_SETTINGS)
@click.option(
    "--all",
    "include_others",
    is_flag=True,
    help="Also runs that were recorded without the server, or for another one.",
)
@env_option
@click.pass_context
def sync(context: click.Context, include_others: bool, env: str | None) -> None:
    """Deliver recorded runs to the tracking server.

    Every run is recorded in the project's mlflow.db. Where a server is chosen
    (MLFLOW_TRACKING_URI=https://…, or server.mlflow_tracking_uri in
    conf/local/mlflow.yml) a copy is delivered while it runs. Where the server was
    away, or the run was killed, this delivers the rest. Doing so twice changes
    nothing. Runs that are deleted on the server stay deleted.

    \b
    kedro sync          # what runs with a server have left to deliver
    kedro sync --all    # and what was recorded before there was one
    """
    from kedro.framework.session import KedroSession

    try:
        with KedroSession.create(project_path=project_path(context), env=env) as session:
            loader = session.load_context().config_loader
    except GraftError as error:
        raise UserError(str(error)) from error
    server = loader["tracking_server"]
    if server is None:
        raise UserError(
            "No tracking server is chosen: set MLFLOW_TRACKING_URI to its address, or "
            "server.mlflow_tracking_uri in conf/local/mlflow.yml."
        )
    _deliver_all(
        loader["mlflow"]["server"]["mlflow_tracking_uri"],
        server,
        loader["mlflow"]["tracking"]["experiment"]["name"],
        include_others,
    )


def _deliver_all(uri: str, server: str, experiment: str, include_others: bool) -> None:
    from graft.progress import track
    from graft.tracking.delivery import Delivery
    from graft.tracking.outbox import NO_ANSWER, Outbox, is_refusal, reason_of
    from graft.tracking.status import reap_stale_runs

    reap_stale_runs(experiment)
    outbox = Outbox(uri, server)
    delivery = Delivery(outbox)
    run_ids = outbox.all_runs(include_others)
    delivered = failed = 0
    for run_id in track(run_ids, "Delivering runs"):
        try:
            outcome = delivery.deliver(run_id)
        except Exception as error:  # of MLflow, of the network, of a store of artifacts
            reason = reason_of(error)
            if reason == NO_ANSWER:
                raise UserError(f"{server} does not answer: try again later.") from error
            what = "is refused" if is_refusal(error) else "could not be delivered"
            logger.warning("The run %s %s: %s.", run_id, what, reason)
            failed += 1
            continue
        delivered += outcome == "sent"
        if outcome == "busy":
            logger.warning("The run %s is being delivered by another process.", run_id)
    click.echo(f"Of {len(run_ids)} runs {delivered} had something left for {server}.")
    if failed:
        raise UserError(f"{failed} runs could not be delivered, for the reasons above.")
