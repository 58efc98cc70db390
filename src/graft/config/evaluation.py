"""The schema of evaluation, of comparisons between runs and of learning curves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from graft.config.section import Count, Name, Section, conflict


def _parts(given: Any) -> Any:
    """The parts of "a+b": a list cannot be typed on the command line."""
    if isinstance(given, str):
        return given.split("+")
    return [given] if isinstance(given, int | float) else given


def _numbers(given: Any) -> Any:
    """The numbers of "0.1+0.5"; what is none is left for the schema to complain about."""
    try:
        return [float(part) for part in _parts(given)]
    except (TypeError, ValueError):
        return given


Names = Annotated[list[Name], BeforeValidator(_parts), Field(min_length=1)]
Fractions = Annotated[
    list[Annotated[float, Field(gt=0, le=1)]], BeforeValidator(_numbers), Field(min_length=1)
]


class Evaluation(Section):
    bootstrap_resamples: Count
    confidence: Annotated[float, Field(gt=0, lt=1)]


class Comparison(Section):
    runs: Names | None
    experiments: Names | None
    methods: Names | None
    measure: (
        Literal[
            "accuracy",
            "balanced_accuracy",
            "macro_f1",
            "weighted_f1",
            "micro_f1",
            "mean_average_precision",
            "label_accuracy",
            "exact_match",
            "log_loss",
            "brier",
        ]
        | None
    )

    @model_validator(mode="after")
    def _chooses_in_one_way(self) -> Comparison:
        if self.runs and self.experiments:
            raise conflict("name runs or experiments, not both", "runs", "experiments")
        return self


class LearningCurves(Section):
    fractions: Fractions
    seeds: Count
    least_steps: Annotated[int, Field(ge=0)]
