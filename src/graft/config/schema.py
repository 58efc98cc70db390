"""The parameters' schema: every key, its type, its range and what may not be combined.

One class a section of `conf/base/parameters*.yml`. There are no defaults here: those files hold
them all, so that a value has one home. What is wrong is reported by `graft.config.problems`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from graft.config.bundle import Bundle, Export, Prediction
from graft.config.evaluation import Comparison, Evaluation, LearningCurves
from graft.config.probes import KNN, SVM, BackboneSelection, Features, LinearProbe
from graft.config.problems import ConfigError, describe_problems
from graft.config.section import (
    Count,
    Name,
    NonNegative,
    Positive,
    Probability,
    Section,
    Share,
    conflict,
    wrong_choice,
)
from graft.config.study import StudyRows
from graft.config.sweep import Sweep
from graft.config.training import LearningRateFinder, Model, Scratch, Training
from graft.errors import GraftError


class Source(Section):
    name: Name
    folder: Name | None
    options: dict[str, Any]

    @field_validator("name")
    @classmethod
    def _is_registered(cls, name: str) -> str:
        from graft.images.sources import list_sources

        if name not in list_sources():
            raise wrong_choice(list_sources())
        return name

    @model_validator(mode="after")
    def _has_only_options_of_its_own(self) -> Source:
        from graft.images.sources import get_source

        problems: list[InitErrorDetails] = []
        for name, value in self.options.items():
            try:
                get_source(self.name).read_option(name, value)
            except GraftError as error:
                problem = PydanticCustomError("option", "{message}", {"message": str(error)})
                problems.append({"type": problem, "loc": ("options", name), "input": value})
        if problems:
            raise ValidationError.from_exception_data("source", problems)
        return self


class Images(Section):
    size: Annotated[int, Field(ge=8, le=1024)]
    max_pixels: Count
    max_quarantined_share: Probability
    min_images_per_class: Count
    duplicates: Literal["report", "drop", "group"]


class Split(Section):
    validation: Share
    test: Share
    shots: Count | None
    fraction: Annotated[float, Field(gt=0, le=1)] | None
    train_size: Count | None
    folds: Annotated[int, Field(ge=2)] | None
    fold: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _limits_the_training_images_once(self) -> Split:
        limits = ("shots", "fraction", "train_size")
        chosen = [key for key in limits if getattr(self, key) is not None]
        if len(chosen) > 1:
            raise conflict("choose one of them, null the others", *chosen)
        return self

    @model_validator(mode="after")
    def _the_fold_is_one_of_the_folds(self) -> Split:
        if self.fold >= (self.folds or 1):
            raise conflict("the fold is counted from 0, up to folds - 1", "fold", "folds")
        return self


class Augmentation(Section):
    policy: Name | list[Any]
    mixup: NonNegative
    cutmix: NonNegative

    @field_validator("policy")
    @classmethod
    def _is_a_policy(cls, policy: str | list[Any]) -> str | list[Any]:
        from graft.images.augmentation import list_policies, policy_from_parameters

        if isinstance(policy, str) and policy not in list_policies():
            raise wrong_choice(list_policies())
        try:
            policy_from_parameters({"policy": policy, "mixup": 0.0, "cutmix": 0.0})
        except GraftError as error:
            message = str(error).removeprefix("augmentation.policy: ")
            raise PydanticCustomError("policy", "{message}", {"message": message}) from None
        return policy


class LabelAudit(Section):
    folds: Annotated[int, Field(ge=2)]
    regularisation: Positive


class Compute(Section):
    device: Name
    precision: Literal["auto", "fp32", "bf16", "fp16"]
    threads: Literal["auto"] | Count
    compile: Literal["auto"] | bool
    memory_format: Literal["auto", "channels_last", "contiguous"]

    @field_validator("device")
    @classmethod
    def _is_a_kind_of_device(cls, device: str) -> str:
        if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", device):
            raise wrong_choice(["auto", "cpu", "cuda", "cuda:1", "mps"])
        return device


class Processes(Section):
    per_host: Count
    hosts: Count
    rendezvous: Name
    timeout: Positive


class Parameters(Section):
    """All parameters, as `conf/base/parameters*.yml` lay them out."""

    experiment: Name
    seed: Annotated[int, Field(ge=0)]
    source: Source
    images: Images
    split: Split
    augmentation: Augmentation
    model: Model
    training: Training
    scratch: Scratch  # type: ignore[valid-type]
    learning_rate_finder: LearningRateFinder
    features: Features
    svm: SVM
    linear_probe: LinearProbe
    knn: KNN
    backbone_selection: BackboneSelection
    evaluation: Evaluation
    comparison: Comparison
    learning_curves: LearningCurves
    label_audit: LabelAudit
    sweep: Sweep
    study: Name | None
    study_rows: StudyRows
    bundle: Bundle
    prediction: Prediction
    export: Export
    compute: Compute
    processes: Processes

    @model_validator(mode="after")
    def _early_stopping_has_images_to_watch(self) -> Parameters:
        for name, section in {"training": self.training, "scratch": self.scratch}.items():
            if section.early_stopping_patience is not None and self.split.validation == 0:
                raise conflict(
                    "early stopping watches the validation images, and there are none",
                    f"{name}.early_stopping_patience",
                    "split.validation",
                )
        return self


def validate_parameters(params: dict[str, Any], where: dict[str, str]) -> dict[str, Any]:
    """Check the merged parameters and return them as a plain dict of JSON types.

    Args:
        params: All parameters, merged and resolved.
        where: For each dotted key the file (or "--params") that set it.

    Raises:
        ConfigError: One or more values are wrong; the message lists all of them.
    """
    try:
        valid = Parameters.model_validate(params)
    except ValidationError as error:
        problems = describe_problems(error, params, where, list(_keys(Parameters)))
        raise ConfigError(problems) from None
    return valid.model_dump(exclude_unset=True)


def _keys(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """All dotted keys of the schema."""
    for name, field in section.model_fields.items():
        yield f"{prefix}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys(field.annotation, f"{prefix}{name}.")
