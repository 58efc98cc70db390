"""What happens around a run: where Kedro's events meet `graft.tracking`.

kedro-mlflow, whose hooks Kedro registers by itself, opens the MLflow run, records the nodes'
parameters and closes the run. These hooks add what it leaves out.
"""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines

from graft.pipelines.requirements import require_runnable
from graft.pipelines.stored_inputs import require_stored_inputs
from graft.tracking.environment import show_brackets
from graft.tracking.location import record_at_home
from graft.tracking.provenance import VERSION_TAG, RunTags, run_tags
from graft.tracking.status import RunStatus, reap_stale_runs
from graft.tracking.summary import SHOWN
from graft.tracking.timing import Stopwatch, record_timing
from graft.tracking.turns import end_turn

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import CatalogProtocol
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node
    from kedro_mlflow.config.kedro_mlflow_config import KedroMlflowConfig

    from graft.tracking.mirror import Mirror
    from graft.tracking.records import Recorder

TIMING = "timing"  # the one entry of the catalog that no node makes

_LAST_SECONDS = 5.0  # for the tracking server, when the process is told to end


class RunHooks:
    """A database to record in, a run that says where it comes from, and a status that is true.

    Where a tracking server is chosen, the configuration has its address as `tracking_server`, else
    None there, and a copy of the run is delivered to it.
    """

    def __init__(self) -> None:
        self._status = RunStatus()
        self._mirror: Mirror | None = None
        self._tags = RunTags()
        self._context: KedroContext
        self._mlflow: KedroMlflowConfig

    @hook_impl(tryfirst=True)  # kedro-mlflow connects to the database in the same event
    def after_context_created(self, context: KedroContext) -> None:
        from kedro_mlflow.config.kedro_mlflow_config import KedroMlflowConfig

        from graft.tracking.database import ensure_database

        show_brackets()
        end_turn()
        self._end_interrupted()  # in a notebook, where Ctrl-C ends a run but no process
        self._context = context
        mlflow_yml = context.config_loader["mlflow"]
        context.config_loader["tracking_server"] = record_at_home(mlflow_yml, context.project_path)
        context.config_loader["mlflow"] = mlflow_yml
        self._mlflow = KedroMlflowConfig.model_validate(mlflow_yml)
        experiment = self._mlflow.tracking.experiment
        ensure_database(
            self._mlflow.server.mlflow_tracking_uri or "",
            experiment.name,
            experiment.create_experiment_kwargs.artifact_location,
        )

    @hook_impl(tryfirst=True)  # before kedro-mlflow opens the run
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
    ) -> None:
        parameters = self._context.config_loader["parameters"]
        require_stored_inputs(pipeline, catalog, pipelines)
        require_runnable(pipeline, parameters)
        if "study_plan" in pipeline.inputs():
            catalog["study_plan"].load()  # a mistake in it shows now; the nodes get what it keeps
        reap_stale_runs(self._mlflow.tracking.experiment.name)
        tags = run_tags(self._context.project_path, parameters["experiment"])
        tags[VERSION_TAG] = run_params["run_id"]
        server = self._context.config_loader["tracking_server"]
        if server is not None:
            tags |= self._follow(server)
        self._tags.provide(tags)
        self._status.arm()

    @hook_impl(trylast=True)  # after kedro-mlflow has closed the run
    def after_pipeline_run(self) -> None:
        self._end()

    @hook_impl(trylast=True)
    def on_pipeline_error(self) -> None:
        self._end()

    def _follow(self, server: str) -> dict[str, str]:
        """Deliver to the tracking server from now on; returns the tag of runs that belong there."""
        from graft.tracking.mirror import Mirror
        from graft.tracking.outbox import SERVER_TAG

        self._mirror = Mirror(self._mlflow.server.mlflow_tracking_uri or "", server)
        # Exit handlers run last in, first out: this one once the status is true.
        atexit.register(self._mirror.finish, _LAST_SECONDS)
        return {SERVER_TAG: server}

    def _end(self) -> None:
        self._status.disarm()
        self._tags.provide({})
        if self._mirror:
            self._mirror.finish()
            atexit.unregister(self._mirror.finish)

    def _end_interrupted(self) -> None:
        self._status.end_interrupted()
        if self._mirror:
            self._mirror.finish(_LAST_SECONDS)


class RecordingHooks:
    """Records parameters, and datasets as their catalog entries ask (`graft.tracking.records`)."""

    def __init__(self) -> None:
        self._recorder: Recorder | None = None  # None in the processes of a ParallelRunner

    @hook_impl
    def after_catalog_created(self, catalog: CatalogProtocol[Any]) -> None:
        from graft.tracking.records import Recorder

        self._recorder = Recorder(catalog)

    @hook_impl(trylast=True)  # after kedro-mlflow has opened the run
    def before_pipeline_run(self, catalog: CatalogProtocol[Any]) -> None:
        from graft.tracking.records import record_parameters

        record_parameters(catalog["parameters"].load())

    @hook_impl
    def after_dataset_loaded(self, dataset_name: str, data: Any) -> None:
        if self._recorder:
            self._recorder.loaded(dataset_name, data)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        if self._recorder:
            self._recorder.saved(dataset_name, data)


class TimingHooks:
    """Times the nodes; the catalog's `timing` and MLflow's seconds/<node> say how long they took.

    In the processes of a ParallelRunner nobody looks at the clock: the table is then not written.
    """

    def __init__(self) -> None:
        self._watch = Stopwatch()

    @hook_impl
    def before_pipeline_run(self) -> None:
        self._watch = Stopwatch()

    @hook_impl(tryfirst=True)
    def before_dataset_loaded(self, node: Node) -> None:
        self._watch.start(node.name)

    @hook_impl(tryfirst=True)
    def before_node_run(self, node: Node) -> None:  # of a node without inputs
        self._watch.start(node.name)

    @hook_impl(tryfirst=True)
    def after_node_run(self, node: Node) -> None:
        self._watch.stop(node.name)

    @hook_impl(tryfirst=True)
    def after_dataset_saved(self, node: Node) -> None:
        self._watch.stop(node.name)

    @hook_impl(tryfirst=True)  # while the MLflow run is still open
    def after_pipeline_run(self, catalog: CatalogProtocol[Any]) -> None:
        from graft.tracking.records import Recorder

        if not self._watch.has_stopped or TIMING not in catalog:
            return
        table = self._watch.table()
        catalog[TIMING].save(table)
        Recorder(catalog).saved(TIMING, table)
        record_timing(table)


class SummaryHooks:
    """Shows the main results at the end of a run that has made them."""

    def __init__(self) -> None:
        self._results: dict[str, Any] = {}
        self._saved: list[str] = []
        self._runtime_params: dict[str, Any] = {}

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any]) -> None:
        self._results, self._saved = {}, []
        self._runtime_params = run_params.get("runtime_params") or {}

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        self._saved.append(dataset_name)
        if dataset_name in SHOWN:
            self._results[dataset_name] = data

    @hook_impl(tryfirst=True)  # while the MLflow run is still open
    def after_pipeline_run(self, catalog: CatalogProtocol[Any]) -> None:
        from graft.tracking.outbox import page_on_server
        from graft.tracking.records import saved_path
        from graft.tracking.summary import (
            OPENED,
            how_to_classify,
            print_summary,
            where_the_graph_is,
            where_the_runs_are,
            where_to_look,
        )

        files = {name: saved_path(catalog[name]) for name in self._saved if name in OPENED}
        if not (self._results or files):
            return
        import mlflow

        run, uri = mlflow.active_run(), mlflow.get_tracking_uri()
        look_next = [*where_to_look(files), where_the_graph_is(self._runtime_params)]
        if "model_bundle" in self._saved:
            look_next.append(how_to_classify(catalog["parameters"].load()["experiment"]))
        if run:
            look_next += where_the_runs_are(uri, run.info.experiment_id, page_on_server(uri, run))
        print_summary(self._results, look_next)
