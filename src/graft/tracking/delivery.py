"""A run, copied from the project's own store to a tracking server as often as it takes.

The copy has an id of its own and bears ours in a tag, by which it is found again. Everything is
compared or counted before it is sent, and the server takes a second time for the first, so that an
interrupted delivery is merely repeated. The run's end is sent last: what is FINISHED on the server
is all there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlparse

from graft.tracking.delivered_models import deliver_models
from graft.tracking.outbox import ORIGIN_TAG, Outbox, Sent, SentFile
from graft.tracking.provenance import PARENT_TAG

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput, Run


# Of one request to MLflow.
_POINTS, _PARAMETERS_OR_TAGS = 1000, 100

Outcome = Literal["sent", "same", "busy"]


class Delivery:
    """Delivers the runs of an outbox to its server.

    Args:
        outbox: The runs.
    """

    def __init__(self, outbox: Outbox):
        from mlflow import MlflowClient

        own = f"sqlite:///{outbox.database}"
        self._outbox = outbox
        self._here = MlflowClient(own, own)
        self._there = MlflowClient(outbox.server, outbox.server)
        self._experiments: dict[str, str] = {}
        self._delivered: dict[str, Any] = {}  # by run: what it was like when it was delivered

    def deliver(self, run_id: str) -> Outcome:
        """Send what the server lacks of a run.

        Returns:
            "same" where there was nothing to send; "busy" where another process is delivering the
            run, or the one that it belongs to.

        Raises:
            Exception: Whatever MLflow and its stores of artifacts raise where the server is away,
                or refuses. What was sent until then is not sent again.
        """
        with self._outbox.locked(run_id) as file:
            if file is None:
                return "busy"
            run = self._here.get_run(run_id)
            state = self._state(run)
            if self._delivered.get(run_id) == state:
                return "same"
            before = file.sent.ended
            copy = self._copy_of(run, file)
            if copy is None:
                return "busy"
            if copy.info.lifecycle_stage == "active":  # else somebody has deleted it over there
                self._send(run, copy, file)
            if run.info.end_time is not None:
                file.sent.ended = [run.info.status, run.info.end_time]
            file.save()
            self._delivered[run_id] = state
            return "same" if file.sent.ended == before is not None else "sent"

    def _state(self, run: Run) -> Any:
        """Differs when anything was recorded since."""
        return (
            run.info,
            run.data.tags,
            run.data.params,
            [given.dataset.digest for given in _inputs(run)],
            self._outbox.count_points(run.info.run_id),
            _files(run),
        )

    def _copy_of(self, run: Run, file: SentFile) -> Run | None:
        """The copy as the server has it, made if need be; None while its parent is busy."""
        from mlflow.exceptions import MlflowException

        if file.sent.run is not None:
            try:
                return self._there.get_run(file.sent.run)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
            file.sent = Sent()  # the server was set up anew
        experiment = self._experiment(run.info.experiment_id)
        copies = self._copies(run, experiment)
        # One that was deleted over there stays so.
        copy = next(iter(sorted(copies, key=lambda copy: copy.info.lifecycle_stage)), None)
        if copy is None:
            tags = self._tags(run)
            if tags is None:
                return None
            tags[ORIGIN_TAG] = run.info.run_id
            info = run.info
            copy = self._there.create_run(experiment, info.start_time, tags, info.run_name)
        file.sent = Sent(run=copy.info.run_id, experiment=experiment)
        file.save()
        return copy

    def _copies(self, run: Run, experiment: str) -> list[Run]:
        from mlflow.entities import ViewType

        query = f"tags.{ORIGIN_TAG} = '{run.info.run_id}'"
        return list(self._there.search_runs([experiment], query, ViewType.ALL))

    def _experiment(self, here: str) -> str:
        """The id of the server's experiment of the same name, made if need be."""
        from mlflow.exceptions import MlflowException

        if here not in self._experiments:
            name = self._here.get_experiment(here).name
            there = self._there.get_experiment_by_name(name)
            if there is None:
                try:
                    self._there.create_experiment(name)
                except MlflowException as error:
                    if error.error_code != "RESOURCE_ALREADY_EXISTS":  # made at the same moment
                        raise
                there = self._there.get_experiment_by_name(name)
            self._experiments[here] = there.experiment_id
        return self._experiments[here]

    def _tags(self, run: Run) -> dict[str, str] | None:
        """The copy's tags, its parent being the parent's copy; None while that is busy."""
        from mlflow.exceptions import MlflowException

        tags = dict(run.data.tags)
        if PARENT_TAG not in tags:
            return tags
        try:
            parent = self._here.get_run(tags[PARENT_TAG])
        except MlflowException:  # of another store
            return tags
        sent = self._outbox.sent(parent.info.run_id)
        if sent.run is None:
            with self._outbox.locked(parent.info.run_id) as file:
                if file is None or self._copy_of(parent, file) is None:
                    return None
                sent = file.sent
        return tags | {PARENT_TAG: str(sent.run)}

    def _send(self, run: Run, copy: Run, file: SentFile) -> None:
        self._send_tags_and_parameters(run, copy)
        self._send_points(run, file)
        known = {(given.dataset.name, given.dataset.digest) for given in _inputs(copy)}
        inputs = [
            given
            for given in _inputs(run)
            if (given.dataset.name, given.dataset.digest) not in known
        ]
        if inputs:
            self._there.log_inputs(copy.info.run_id, inputs)
        self._send_files(run, file)
        deliver_models(self._here, self._there, run, file)
        self._send_end(run, copy)

    def _send_tags_and_parameters(self, run: Run, copy: Run) -> None:
        from mlflow.entities import Param, RunTag

        tags = self._tags(run) or {}
        new_tags = [
            RunTag(key, value) for key, value in tags.items() if copy.data.tags.get(key) != value
        ]
        new_parameters = [
            Param(key, value)
            for key, value in run.data.params.items()
            if key not in copy.data.params  # they never change
        ]
        for first in range(0, max(len(new_tags), len(new_parameters)), _PARAMETERS_OR_TAGS):
            part = slice(first, first + _PARAMETERS_OR_TAGS)
            self._there.log_batch(
                copy.info.run_id, params=new_parameters[part], tags=new_tags[part]
            )

    def _send_points(self, run: Run, file: SentFile) -> None:
        while points := self._outbox.points(run.info.run_id, file.sent.metrics, _POINTS):
            self._there.log_batch(file.sent.run, metrics=points)
            file.sent.metrics += len(points)
            file.save()

    def _send_files(self, run: Run, file: SentFile) -> None:
        folder = _folder(run)
        # What changes while it is sent has another state afterwards, and is sent again.
        for name, state in _files(run).items():
            if file.sent.files.get(name) == state:
                continue
            parent = Path(name).parent.as_posix()
            self._there.log_artifact(
                file.sent.run, str(folder / name), None if parent == "." else parent
            )
            file.sent.files[name] = state
            file.save()

    def _send_end(self, run: Run, copy: Run) -> None:
        ours, theirs = run.info, copy.info
        if (ours.status, ours.end_time) == (theirs.status, theirs.end_time):
            return
        if ours.end_time is None:
            self._there.update_run(theirs.run_id, status=ours.status)
            return
        for other in self._copies(run, theirs.experiment_id):
            # The server may have made one for a request that nobody waited for any longer.
            if other.info.run_id != theirs.run_id and other.info.lifecycle_stage == "active":
                self._there.delete_run(other.info.run_id)
        self._there.set_terminated(theirs.run_id, ours.status, ours.end_time)


def _inputs(run: Run) -> list[DatasetInput]:
    return list(run.inputs.dataset_inputs) if run.inputs else []


def _folder(run: Run) -> Path:
    return Path(unquote(urlparse(run.info.artifact_uri).path))


def _files(run: Run) -> dict[str, list[int]]:
    """Of each file among the run's artifacts the size and the time of its last change."""
    folder = _folder(run)
    stats = {
        path.relative_to(folder).as_posix(): path.stat()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}
