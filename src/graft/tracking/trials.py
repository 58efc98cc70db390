"""The trials of a sweep in MLflow: child runs of the sweep's run, recorded by the workers."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from graft.tracking.provenance import PARENT_TAG, VERSION_TAG, WORKS_FOR_TAG, process_tags

logger = logging.getLogger(__name__)

STATE_TAG = "trial_state"
REASON_TAG = "reason"


class ParentRun(NamedTuple):
    """The sweep's run, as its workers have to know it.

    Attributes:
        tracking_uri: Where it is recorded.
        experiment_id: MLflow's.
        run_id: MLflow's.
        tags: Its own, less those that are MLflow's and what only it has.
    """

    tracking_uri: str
    experiment_id: str
    run_id: str
    tags: dict[str, str]


def parent_run() -> ParentRun | None:
    """The run that is active; None where nothing is recorded."""
    import mlflow

    if (run := mlflow.active_run()) is None:
        return None
    known = mlflow.MlflowClient().get_run(run.info.run_id).data.tags
    tags = {k: v for k, v in known.items() if not k.startswith("mlflow.") and k != VERSION_TAG}
    tags[WORKS_FOR_TAG] = process_tags()["process"]  # whose mirror delivers the trials
    return ParentRun(mlflow.get_tracking_uri(), run.info.experiment_id, run.info.run_id, tags)


@dataclass
class ChildRun:
    """What is known of a trial's run; nothing of it leaves this process without a run id."""

    run_id: str | None

    def record(self, measures: Mapping[str, float], **tags: str) -> None:
        """Add figures and tags."""
        if self.run_id is None:
            return
        import mlflow

        try:
            mlflow.log_metrics(dict(measures))
            mlflow.set_tags(tags)
        except mlflow.MlflowException as error:
            logger.warning("A trial could not be recorded in MLflow: %s", error)


@contextmanager
def child_run(
    parent: ParentRun | None, name: str, parameters: Mapping[str, Any]
) -> Iterator[ChildRun]:
    """Open a trial's run in this process, and end it as the trial ends.

    It ends FINISHED, KILLED where the trial was pruned or stopped, or FAILED. A store that is away
    costs the record and not the trial.

    Args:
        parent: The sweep's run.
        name: Of the child.
        parameters: What was sampled.
    """
    run = ChildRun(_start(parent, name, parameters))
    try:
        yield run
    except BaseException as error:
        pruned = type(error).__name__ == "TrialPruned"
        stopped = pruned or not isinstance(error, Exception)
        state = "pruned" if pruned else "stopped" if stopped else "failed"
        run.record({}, **{STATE_TAG: state, REASON_TAG: "" if stopped else str(error)[:1000]})
        _end(run, "KILLED" if stopped else "FAILED")
        raise
    run.record({}, **{STATE_TAG: "complete"})
    _end(run, "FINISHED")


def end_of_dead(parent: ParentRun | None, run_id: str | None) -> None:
    """Mark the run of a trial as KILLED whose process is gone."""
    if parent is None or run_id is None:
        return
    from mlflow import MlflowClient, MlflowException

    try:
        client = MlflowClient(parent.tracking_uri)
        client.set_tag(run_id, STATE_TAG, "its process died")
        client.set_terminated(run_id, "KILLED")
    except MlflowException as error:
        logger.warning("The run of a dead trial could not be ended in MLflow: %s", error)


def _start(parent: ParentRun | None, name: str, parameters: Mapping[str, Any]) -> str | None:
    if parent is None:
        return None
    import mlflow

    try:
        mlflow.set_tracking_uri(parent.tracking_uri)
        run = mlflow.start_run(
            run_name=name,
            experiment_id=parent.experiment_id,
            tags={**parent.tags, **process_tags(), PARENT_TAG: parent.run_id},
        )
    except mlflow.MlflowException as error:
        logger.warning("A trial could not be recorded in MLflow: %s", error)
        return None
    try:
        mlflow.log_params(dict(parameters))
    except mlflow.MlflowException as error:  # the run is there, and has to be ended
        logger.warning("A trial's parameters could not be recorded in MLflow: %s", error)
    return str(run.info.run_id)


def _end(run: ChildRun, status: str) -> None:
    if run.run_id is None:
        return
    import mlflow

    try:
        try:
            mlflow.flush_async_logging()  # the curves: a worker's exit does not wait for them
        finally:
            mlflow.end_run(status)  # else the worker could not begin the next one
    except mlflow.MlflowException as error:
        logger.warning("A trial's run could not be ended in MLflow: %s", error)
