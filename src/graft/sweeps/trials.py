"""What a trial is: trainings with the sampled parameters, judged by the validation images."""

from __future__ import annotations

import dataclasses
import multiprocessing
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from graft import interruption
from graft.sweeps.plan import Plan
from graft.sweeps.space import Params, with_values
from graft.sweeps.study import RUN, SCORES, SECONDS
from graft.sweeps.work import Attempt
from graft.tracking.trials import ParentRun, child_run

if TYPE_CHECKING:
    from graft.images.store import ImageStore
    from graft.sweeps.storage import TrialStorage
    from graft.training.loop import EpochRecord, TrainingObserver
    from graft.training.measures import RunningMeans

_COLUMNS = {
    "accuracy": "validation_accuracy",
    "loss": "validation_loss",
    "mean_average_precision": "validation_mean_average_precision",
}


class SweepJob(NamedTuple):
    """All that a worker is given.

    Attributes:
        plan: What the sweep is to do.
        storage: Where its study is.
        store: The images; those of the test part are not touched.
        card: What is known of them.
        parameters: The experiment's; a trial's differ by what was sampled.
        measure: "accuracy", "loss" or "mean_average_precision".
        parent: The sweep's run in MLflow.
    """

    plan: Plan
    storage: TrialStorage
    store: ImageStore
    card: Params
    parameters: Params
    measure: str
    parent: ParentRun | None


@dataclasses.dataclass
class TrainedTrial:
    """The objective of a sweep of trainings.

    A trial's value is the best epoch's, of the training with the experiment's seed. If that is
    among the best so far the trial is trained with further seeds, and its value is the mean: what
    is best by luck alone is found out.

    Attributes:
        job: What the worker was given.
        compute: The worker's share of the machine, as the section `compute` of the parameters.
    """

    job: SweepJob
    compute: Params

    def __call__(self, attempt: Attempt) -> float:
        started = time.monotonic()
        parameters = with_values(self.job.parameters, attempt.values)
        seeds = range(parameters["seed"], parameters["seed"] + self.job.plan.seeds)
        name = f"trial {attempt.number}"
        with child_run(self.job.parent, name, attempt.values) as run:
            attempt.note(**{RUN: run.run_id})
            require_together(parameters)
            self._train(parameters, seeds[0], [Judge(self.job.measure, attempt)])
            scores = [attempt.best_reported]
            if attempt.is_promising(scores[0]):
                for seed in seeds[1:]:
                    scores.append(self._score(parameters, seed))
            value = sum(scores) / len(scores)
            attempt.note(**{SCORES: scores, SECONDS: time.monotonic() - started})
            run.record({f"validation_{self.job.measure}": value, "seeds": len(scores)})
        return value

    def _score(self, parameters: Params, seed: int) -> float:
        """The best epoch of one more training, which nobody compares with others on its way."""
        scores = Scores(self.job.measure)
        self._train(parameters, seed, [scores])
        return self.job.plan.best_of(scores.of_epochs)

    def _train(self, parameters: Params, seed: int, observers: Sequence[TrainingObserver]) -> None:
        from graft.models.weights import load_weights
        from graft.pipelines.from_parameters import train_from_parameters
        from graft.tracking.observer import MlflowObserver

        model = parameters["model"]
        with interruption.at_once():
            train_from_parameters(
                "a trial",
                self.job.store,
                self.job.card,
                load_weights(model["backbone"], model["weights"]),
                model,
                {**parameters["training"], "resume": "never"},
                parameters["augmentation"],
                self.compute,
                seed,
                parameters["processes"],
                None,
                # The judge comes last: what it ends has been recorded.
                observers=[MlflowObserver(prefix=f"seed {seed}"), *observers],
            )


def require_together(parameters: Params) -> None:
    """Check what was sampled as a whole.

    Raises:
        GraftError: The values cannot be combined.
    """
    from graft.config.schema import validate_parameters

    validate_parameters(parameters, {})


class Scores:
    """A `TrainingObserver` that collects one measure of the validation images."""

    def __init__(self, measure: str) -> None:
        self._column = _COLUMNS[measure]
        self.of_epochs: list[float] = []

    def on_start(self, epochs: int, batches: int) -> None: ...

    def on_resume(self, history: Sequence[EpochRecord], batches: int) -> None: ...

    def on_batch(self, means: RunningMeans) -> None: ...

    def on_epoch(self, record: EpochRecord) -> None:
        require_parent()
        self.of_epochs.append(float(getattr(record, self._column)))

    def on_end(self) -> None: ...


class Judge(Scores):
    """Reports each epoch to the study, and ends a training that falls behind."""

    def __init__(self, measure: str, attempt: Attempt) -> None:
        super().__init__(measure)
        self._attempt = attempt

    def on_epoch(self, record: EpochRecord) -> None:
        super().on_epoch(record)
        self._attempt.report(record.epoch, self.of_epochs[-1])


def require_parent() -> None:
    """End this worker, as Ctrl-C would, where the process that started it is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        raise KeyboardInterrupt
