"""The study of a sweep: how it samples and prunes, and which of its trials count.

A trial is settled when nothing more will come of it:

- it is complete or was pruned;
- it failed for a reason that lies in its parameters, such as a lack of memory;
- its process died twice. After the first death it is tried again, under another number.

The sweep is over when as many trials are settled as were planned.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from graft.sweeps.plan import Plan
from graft.sweeps.space import Choices
from graft.tracking.provenance import is_alive, process_tags

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

    from graft.sweeps.storage import TrialStorage

# What a trial leaves in the study.
REASON = "reason"  # why it failed
SCORES = "scores"  # of its trainings, a seed each, the first seed first
SECONDS = "seconds"
RUN = "mlflow_run"
_WORKER = "worker"
_INTERRUPTED = "interrupted"
_DEATHS = "deaths"  # of the processes that tried the same before

_STARTUP_TRIALS = 10  # sampled at random, before TPE and GP have anything to go by


def open_study(plan: Plan, storage: TrialStorage, worker: int | None = None) -> Study:
    """The study of the plan, made by whoever comes first.

    Args:
        plan: The plan.
        storage: Where it is kept; its tables have been made.
        worker: The number of the worker that will start trials; None where none will be started.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)  # what there is to say is said by us
    study = optuna.create_study(
        study_name=plan.name,
        storage=storage.open(),
        direction="minimize" if plan.minimise else "maximize",
        sampler=optuna.samplers.RandomSampler(),
        pruner=_pruner(plan),
        load_if_exists=True,
    )
    if worker is not None:
        # Workers with one seed would all sample the same, and so would a sweep that goes on.
        study.sampler = _sampler(plan, [plan.seed, worker, len(study.get_trials(deepcopy=False))])
    return study


def is_due(study: Study, plan: Plan) -> bool:
    """Whether one more trial has to be started now."""
    trials = study.get_trials(deepcopy=False)
    under_way = sum(trial.state.name == "RUNNING" for trial in trials)
    return len(settled(trials)) + under_way < plan.trials


def settled(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Those of which nothing more will come."""
    return [trial for trial in trials if _is_settled(trial)]


def _is_settled(trial: FrozenTrial) -> bool:
    if trial.state.name == "FAIL":
        died_again = _deaths(trial) > 0 and not trial.user_attrs.get(_INTERRUPTED)
        return REASON in trial.user_attrs or died_again
    return trial.state.name in ("COMPLETE", "PRUNED")


def is_promising(study: Study, plan: Plan, score: float) -> bool:
    """Whether a trial is among the best so far by its first training, the same seed for all."""
    others = [
        trial.user_attrs[SCORES][0]
        for trial in study.get_trials(deepcopy=False)
        if trial.state.name == "COMPLETE"
    ]
    return sum(not plan.better(score, other) for other in others) < plan.promising


def mark_as_own(trial: Trial) -> None:
    """Say in a running trial which process computes it."""
    trial.set_user_attr(_WORKER, process_tags())


def again(study: Study, trial: FrozenTrial) -> None:
    """Try a trial's parameters again, whose process has died for the first time or was stopped."""
    import optuna

    stopped = bool(trial.user_attrs.get(_INTERRUPTED))
    if _deaths(trial) > 0 and not stopped:
        return
    # Of the others "grid_id" says which point of a grid it is.
    attributes = {**trial.system_attrs, _DEATHS: _deaths(trial) + (not stopped)}
    study.add_trial(
        optuna.create_trial(
            state=optuna.trial.TrialState.WAITING,
            params=trial.params,
            distributions=trial.distributions,
            system_attrs=attributes,
        )
    )


def mark_as_stopped(trial: Trial) -> None:
    """Say in a running trial that its process was asked to stop, which is no death."""
    trial.set_user_attr(_INTERRUPTED, True)


def reap(study: Study, storage: TrialStorage) -> list[FrozenTrial]:
    """End the trials whose process is gone, and put them in the queue for another try.

    Of this host processes are looked for, of others heartbeats are.

    Returns:
        Those of this host that were ended.
    """
    import optuna

    here = process_tags()["host"]
    dead = []
    with storage.turn():  # between its start and its mark a trial cannot be seen here
        for trial in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
            worker = trial.user_attrs.get(_WORKER)
            if worker is None:  # its process died before the mark, or belongs to another host
                is_dead = _age(trial) > timedelta(seconds=10 * storage.heartbeat)
            else:
                is_dead = worker["host"] == here and not is_alive(worker["process"])
            if is_dead:
                study.tell(trial.number, state=optuna.trial.TrialState.FAIL, skip_if_finished=True)
                again(study, trial)
                dead.append(trial)
    with warnings.catch_warnings(action="ignore"):  # "experimental"
        optuna.storages.fail_stale_trials(study)
    return dead


def _deaths(trial: FrozenTrial) -> int:
    return int(trial.system_attrs.get(_DEATHS, 0))


def _age(trial: FrozenTrial) -> timedelta:
    return datetime.now() - (trial.datetime_start or datetime.now())


def _sampler(plan: Plan, entropy: Sequence[int]) -> BaseSampler:
    import numpy as np
    import optuna
    from optuna import samplers

    seed = int(np.random.SeedSequence(entropy).generate_state(1)[0])
    with warnings.catch_warnings(action="ignore", category=optuna.exceptions.ExperimentalWarning):
        match plan.sampler:
            case "tpe":
                return samplers.TPESampler(
                    n_startup_trials=_STARTUP_TRIALS, multivariate=True, seed=seed
                )
            case "gp":
                return samplers.GPSampler(n_startup_trials=_STARTUP_TRIALS, seed=seed)
            case "random":
                return samplers.RandomSampler(seed)
            case "grid":
                grid = {d.key: d.labels for d in plan.space if isinstance(d, Choices)}
                return samplers.GridSampler(grid, seed=plan.seed)
    raise ValueError(plan.sampler)


def _pruner(plan: Plan) -> BasePruner:
    from optuna import pruners

    match plan.pruner:
        case "median":
            # Steps are epochs, counted from 1: the first one is let pass.
            return pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2)
        case "hyperband":
            return pruners.HyperbandPruner(max_resource=max(2, plan.epochs))
        case "none":
            return pruners.NopPruner()
    raise ValueError(plan.pruner)
