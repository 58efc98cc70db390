"""Which runs are compared, and what to call them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft.errors import GraftError
from graft.tracking.location import without_password
from graft.tracking.provenance import VERSION_TAG

if TYPE_CHECKING:
    from mlflow.entities import Run

# What may differ between runs of one configuration: how it is judged and used, and how a training
# survives. (All parameters as one input of a node are recorded once more, below "parameters".)
_NOT_DECISIVE = (
    "seed",
    "experiment",
    "parameters.",
    "evaluation.",
    "comparison.",
    "learning_curves.",
    "learning_rate_finder.",
    "backbone_selection.",
    "label_audit.",
    "bundle.",
    "prediction.",
    "export.",
    "study",
    "sweep.storage",
    "sweep.workers",
    "sweep.heartbeat",
    "training.resume",
    "training.checkpoint_seconds",
    "compute.threads",
    "processes.rendezvous",
    "processes.timeout",
)


@dataclass(frozen=True)
class TrackedRun:
    """A finished run as MLflow knows it.

    Attributes:
        run_id: MLflow's.
        experiment: The name of the configuration's experiment.
        version: Under which the catalog has what the run saved.
        seed: Its seed.
        decisive: The parameters that decide on its results, dotted names and texts.
        data: The digest of the images that it worked on; "" where it recorded none.
    """

    run_id: str
    experiment: str
    version: str
    seed: int
    decisive: Mapping[str, str]
    data: str


def is_decisive(key: str) -> bool:
    """Whether the parameter of this dotted name can change what a run of a seed finds."""
    return not key.startswith(_NOT_DECISIVE)


def runs_by_id(run_ids: Sequence[str]) -> list[TrackedRun]:
    """These runs.

    Raises:
        GraftError: MLflow does not know one, or it is not a run of this project.
    """
    import mlflow

    found = []
    for run_id in run_ids:
        try:
            run = mlflow.MlflowClient().get_run(run_id)
        except mlflow.MlflowException as error:
            raise GraftError(
                f"comparison.runs: MLflow at {without_password(mlflow.get_tracking_uri())} has no "
                f"run '{run_id}'. Its page shows the ids of runs."
            ) from error
        if VERSION_TAG not in run.data.tags or "seed" not in run.data.params:
            raise GraftError(
                f"comparison.runs: the run '{run_id}' does not say which version of the results is "
                "its own. Run its experiment again."
            )
        found.append(_as_tracked(run))
    return found


def newest_runs(experiments: Sequence[str], made: Sequence[str]) -> list[TrackedRun]:
    """Of each experiment the newest finished run, and those that differ from it by the seed.

    Of several with one seed the newest counts.

    Args:
        experiments: Names.
        made: Versions of results that exist; runs that left others are passed over.

    Raises:
        GraftError: An experiment has no such run.
    """
    import mlflow

    client = mlflow.MlflowClient()
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    found: list[TrackedRun] = []
    for name in experiments:
        runs = client.search_runs(
            ids,
            filter_string=f"attributes.status = 'FINISHED' and tags.experiment = '{name}'",
            order_by=["attributes.start_time DESC"],
        )
        usable = [_as_tracked(run) for run in runs if run.data.tags.get(VERSION_TAG) in made]
        if not usable:
            raise GraftError(
                f"comparison.experiments: there is no finished run of '{name}' with predictions. "
                f"Run `kedro run --pipeline=transfer_learning -x {name}` first."
            )
        by_seed: dict[int, TrackedRun] = {}
        for run in usable:
            if run.decisive == usable[0].decisive:
                by_seed.setdefault(run.seed, run)
        found += [by_seed[seed] for seed in sorted(by_seed)]
    return found


def configuration_names(runs: Sequence[TrackedRun]) -> dict[str, str]:
    """What to call each run by its id: its experiment, and what differs within that.

    Runs that differ by their seed alone have the same name, others of one experiment do not:
    "digits (training.epochs=2)".
    """
    names = {}
    for run in runs:
        siblings = [other for other in runs if other.experiment == run.experiment]
        differing = [
            key
            for key in run.decisive
            if any(other.decisive.get(key) != run.decisive[key] for other in siblings)
        ]
        told = ", ".join(f"{key}={run.decisive[key]}" for key in differing)
        names[run.run_id] = f"{run.experiment} ({told})" if told else run.experiment
    return names


def _as_tracked(run: Run) -> TrackedRun:
    digests = [given.dataset.digest for given in run.inputs.dataset_inputs]
    return TrackedRun(
        run_id=run.info.run_id,
        experiment=run.data.tags["experiment"],
        version=run.data.tags[VERSION_TAG],
        seed=int(run.data.params["seed"]),
        decisive={key: value for key, value in sorted(run.data.params.items()) if is_decisive(key)},
        data=digests[0] if digests else "",
    )
