"""Nodes of `sweep`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from graft.images.store import ImageStore
    from graft.sweeps.storage import TrialStorage

Params = dict[str, Any]


def run_sweep(
    image_store: ImageStore,
    dataset_card: Params,
    sweep_state: TrialStorage,
    parameters: Params,
    sweep: Params,
) -> tuple[pd.DataFrame, Params]:
    """Try until as many trials are settled as were planned: their table, and what was planned."""
    from graft.pipelines.same_data import require_same_data
    from graft.sweeps.plan import measure_of, plan_sweep
    from graft.sweeps.progress import SweepProgress
    from graft.sweeps.results import trials_table
    from graft.sweeps.space import require_space
    from graft.sweeps.trials import SweepJob
    from graft.sweeps.workers import run_trials
    from graft.tracking.trials import parent_run

    require_space(parameters)
    require_same_data(image_store.digest, dataset_card=dataset_card)
    measure = measure_of(sweep["measure"], multi_label=image_store.multi_label)
    plan = plan_sweep(parameters, image_store.digest, measure)
    job = SweepJob(plan, sweep_state, image_store, dataset_card, parameters, measure, parent_run())
    with SweepProgress(plan, measure) as progress:
        trials = run_trials(job, sweep["workers"], progress)
    planned = {
        "study": plan.name,
        "measure": measure,
        "trials": plan.trials,
        "seed": plan.seed,
        "space": sweep["space"],
    }
    return trials_table(trials, plan), planned


def choose_best(
    sweep_trials: pd.DataFrame, sweep_plan: Params, sweep_origin: Params
) -> tuple[Params, str]:
    """The best trial's figures, and an experiment file with its parameters."""
    from graft.sweeps.best_experiment import write_experiment
    from graft.sweeps.results import STATES, best_trial, sampled_values
    from graft.sweeps.space import read_space

    measure = sweep_plan["measure"]
    best = best_trial(sweep_trials, minimise=measure == "loss")
    values = sampled_values(best, read_space(sweep_plan["space"]))
    states = sweep_trials["state"].value_counts()
    seeds = int(best["seeds"])
    figures = {
        measure: {"value": float(best["value"])},
        "trial": {"value": int(best["number"])},
        "seeds": {"value": seeds},
        **{state: {"value": int(states.get(state, 0))} for state in STATES.values()},
    }
    experiment = sweep_origin["experiment"]
    several = f"the mean of {seeds} seeds" if seeds > 1 else "one seed"
    text = write_experiment(
        f"{experiment}_best",
        sweep_origin["parameters"],
        sweep_origin["changes"],
        values,
        description=f"The best of {len(sweep_trials)} trials of the sweep {experiment}",
        note=f"Trial {best['number']}: validation {measure} {best['value']:.4f}, {several}.",
    )
    return figures | {"parameters": values}, text


def explain_trials(
    sweep_trials: pd.DataFrame, sweep_plan: Params, evaluation: Params
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How important each parameter was, and how it is correlated with the value."""
    from graft.sweeps.results import correlations, importances
    from graft.sweeps.space import read_space

    space = read_space(sweep_plan["space"])
    return (
        importances(sweep_trials, space, sweep_plan["seed"]),
        correlations(sweep_trials, space, evaluation["confidence"]),
    )


def draw_sweep(
    sweep_trials: pd.DataFrame,
    sweep_plan: Params,
    sweep_importances: pd.DataFrame,
    sweep_correlations: pd.DataFrame,
) -> tuple[Figure, Figure, Figure, Figure]:
    """Parallel coordinates, optimization history, importances and correlations."""
    from graft.evaluation.figures.parallel_coordinates import parallel_coordinates
    from graft.evaluation.figures.style import in_words
    from graft.evaluation.figures.sweep import (
        optimization_history,
        parameter_correlations,
        parameter_importances,
    )
    from graft.sweeps.results import with_short_names

    name = sweep_plan["measure"].replace("_", " ")
    words, minimise = f"validation {name}", name == "loss"
    keys = list(sweep_plan["space"])
    known = sweep_trials[sweep_trials["value"].notna()]
    metric, shown = (f"minus {words}", -known["value"]) if minimise else (words, known["value"])
    title = f"{len(known)} trials; those that were pruned, with the best epoch until then"
    short = with_short_names(keys)
    lines = known[keys].rename(columns=short).assign(**{metric: shown})
    return (
        parallel_coordinates(lines, metric, list(short.values()), title)
        if len(known)
        else in_words("No trial has a value."),
        optimization_history(sweep_trials, words, minimise=minimise),
        parameter_importances(sweep_importances),
        parameter_correlations(sweep_correlations, words),
    )
