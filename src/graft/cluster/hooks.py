"""What the cluster has to do with a run: the lease of its job, and e-mail at its end."""

from __future__ import annotations

import logging
import os
import shlex
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from graft.errors import GraftError
from graft.lease import LeaseLostError, take_lease
from graft.tracking.provenance import PARENT_VARIABLE

if TYPE_CHECKING:
    from kedro.config import AbstractConfigLoader
    from kedro.framework.context import KedroContext

    from graft.cluster.mail import Login
    from graft.config.cluster import Mail

logger = logging.getLogger(__name__)

LEASES = Path("data/.leases")
USER_VARIABLE, PASSWORD_VARIABLE = "GRAFT_MAIL_USER", "GRAFT_MAIL_PASSWORD"


class LeaseHooks:
    """In a job of SLURM, only its newest start may save (`graft.lease`)."""

    @hook_impl(tryfirst=True)  # before the state of the earlier start is read
    def before_pipeline_run(self, run_params: dict[str, Any]) -> None:
        take_lease(Path(run_params["project_path"]) / LEASES)


class MailHooks:
    """Writes to whom `mail.yml` names when a run has ended, or failed.

    A row of a study or a task of an array is one of many: it writes only when it fails.
    """

    def __init__(self) -> None:
        self._mail: Mail | None = None
        self._login: Login | None = None
        self._loader: AbstractConfigLoader
        self._recorded: tuple[str, str, str] | None = None  # the store, the experiment, the run
        self._metrics: dict[str, Any] = {}
        self._started = 0.0

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        from graft.config.cluster import read_mail

        self._loader = context.config_loader
        self._mail = read_mail(self._loader)
        self._login = _read_login(self._loader) if self._mail else None

    @hook_impl(trylast=True)  # once kedro-mlflow has opened the run
    def before_pipeline_run(self) -> None:
        if self._mail is None:
            return
        import mlflow

        self._metrics, self._started = {}, time.monotonic()
        run = mlflow.active_run()
        self._recorded = (
            (mlflow.get_tracking_uri(), run.info.experiment_id, run.info.run_id) if run else None
        )

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        if dataset_name == "metrics":
            self._metrics = data

    @hook_impl(trylast=True)
    def after_pipeline_run(self, run_params: dict[str, Any]) -> None:
        if PARENT_VARIABLE not in os.environ and "SLURM_ARRAY_JOB_ID" not in os.environ:
            self._write(run_params, None)

    @hook_impl(trylast=True)
    def on_pipeline_error(self, error: Exception, run_params: dict[str, Any]) -> None:
        cause = _cause_of(error)
        if not isinstance(cause, LeaseLostError):  # then the run goes on elsewhere
            self._write(run_params, f"{type(cause).__name__}: {cause}")

    def _write(self, run_params: dict[str, Any], error: str | None) -> None:
        names = "+".join(run_params["pipeline_names"] or ["transfer_learning"])
        if self._mail is None or names.endswith("_helper"):
            return
        from graft.cluster.mail import Ending, send, write_message

        try:
            ending = Ending(
                run=f"{names}, {self._loader['parameters']['experiment']}",
                error=error,
                seconds=time.monotonic() - self._started,
                metrics=self._metrics,
                facts=self._facts(),
            )
            message = write_message(ending, self._mail)
        except Exception:  # what has ended well has ended well
            logger.warning("The e-mail about this run could not be written.", exc_info=True)
            return
        send(message, self._mail, self._login)

    def _facts(self) -> dict[str, str]:
        facts = {"host": socket.gethostname()}
        if job := os.environ.get("SLURM_JOB_ID"):
            facts["SLURM job"] = job
        if self._recorded:
            facts["MLflow run"] = _page(*self._recorded, self._loader["tracking_server"])
        return facts


def _cause_of(error: BaseException) -> BaseException:
    """The user's mistake behind an error, which Kedro wraps where a dataset raises it."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, GraftError):
        cause = cause.__cause__
    return cause or error


def _read_login(loader: AbstractConfigLoader) -> Login | None:
    """From the environment, else from conf/local/credentials.yml; None where neither says."""
    from kedro.config import MissingConfigException

    from graft.cluster.mail import Login

    user, password = os.environ.get(USER_VARIABLE), os.environ.get(PASSWORD_VARIABLE)
    if not (user and password):
        try:
            found = loader["credentials"].get("mail") or {}
        except MissingConfigException:
            return None
        user, password = found.get("user"), found.get("password")
    return Login(str(user), str(password)) if user and password else None


def _page(uri: str, experiment_id: str, run_id: str, server: str | None) -> str:
    """Where a browser shows the run: on the tracking server, else once `mlflow ui` runs."""
    from graft.tracking.location import without_password
    from graft.tracking.outbox import Outbox

    if server and (page := Outbox(uri, server).page(run_id)):
        return page
    return (
        f"http://127.0.0.1:5000/#/experiments/{experiment_id}/runs/{run_id}\n"
        f"  after:  mlflow ui --workers 1 --backend-store-uri {shlex.quote(without_password(uri))}"
    )
