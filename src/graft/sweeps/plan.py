"""What a sweep is to do, and under which name it is known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from graft.errors import GraftError
from graft.sweeps.space import SECTIONS, Dimension, Params, read_space, values_of

_NOT_DECISIVE = ("trials", "workers", "storage", "heartbeat")  # on a trial's value


@dataclass(frozen=True)
class Plan:
    """What a sweep is to do.

    Attributes:
        name: Of the study: the experiment and a digest of all that decides on a trial's value.
        space: What is sampled.
        trials: How many have to be settled.
        minimise: Whether the measure is the better the smaller.
        sampler: A name of the parameter `sweep.sampler`.
        pruner: A name of the parameter `sweep.pruner`.
        epochs: The most that a trial may have.
        seeds: Trainings of a promising trial.
        promising: Among how many best ones a trial has to be.
        seed: Of the sampler.
    """

    name: str
    space: tuple[Dimension, ...]
    trials: int
    minimise: bool = False
    sampler: str = "tpe"
    pruner: str = "median"
    epochs: int = 1
    seeds: int = 1
    promising: int = 1
    seed: int = 0

    def better(self, score: float, other: float) -> bool:
        return score < other if self.minimise else score > other

    def best_of(self, scores: Sequence[float]) -> float:
        return min(scores) if self.minimise else max(scores)


def measure_of(measure: str, *, multi_label: bool) -> str:
    """What "auto" is: accuracy, or the mean average precision where images show several classes.

    Raises:
        GraftError: The mean average precision is asked for where images show one class.
    """
    if measure == "mean_average_precision" and not multi_label:
        raise GraftError(
            "sweep.measure: these images show one class each; judge trials by accuracy or loss."
        )
    if measure == "auto":
        return "mean_average_precision" if multi_label else "accuracy"
    return measure


def plan_sweep(parameters: Params, data: str, measure: str) -> Plan:
    """The plan that an experiment's parameters make.

    Args:
        parameters: All of them.
        data: The digest of the images.
        measure: "accuracy", "loss" or "mean_average_precision".
    """
    sweep = parameters["sweep"]
    space = read_space(sweep["space"])
    decisive = {
        "data": data,
        "measure": measure,
        "seed": parameters["seed"],
        **{section: parameters[section] for section in SECTIONS},
        "sweep": {key: value for key, value in sweep.items() if key not in _NOT_DECISIVE},
    }
    digest = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
    trials = sweep["trials"]
    if sweep["sampler"] == "grid":
        trials = min(trials, _grid_size(space))
    return Plan(
        name=f"{parameters['experiment']}-{digest[:8]}",
        space=space,
        trials=trials,
        minimise=measure == "loss",
        sampler=sweep["sampler"],
        pruner=sweep["pruner"],
        epochs=max(values_of("training.epochs", space, parameters["training"]["epochs"])),
        seeds=sweep["seeds"],
        promising=sweep["promising"],
        seed=parameters["seed"],
    )


def _grid_size(space: Sequence[Dimension]) -> int:
    size = 1
    for dimension in space:
        size *= len(dimension.examples())
    return size
