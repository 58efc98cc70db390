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
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from graft.config.problems import ConfigError, describe_problems

Share = Annotated[float, Field(ge=0, lt=1)]
Probability = Annotated[float, Field(ge=0, le=1)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
# On the command line a class "3" or a folder "2024" arrives as a number.
Name = Annotated[
    str,
    BeforeValidator(lambda name: str(name) if type(name) is int else name),
    Field(min_length=1),
]


class Section(BaseModel):
    """Unknown keys are errors, and nothing is converted: "3" is no number."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Source(Section):
    name: Name
    folder: Name | None

    @field_validator("name")
    @classmethod
    def _is_registered(cls, name: str) -> str:
        from graft.images.sources import list_sources

        if name not in list_sources():
            raise wrong_choice(list_sources())
        return name

    @model_validator(mode="after")
    def _has_the_folder_it_needs(self) -> Source:
        from graft.images.sources import get_source

        if self.folder is None and get_source(self.name).needs_folder:
            raise conflict(f"the source '{self.name}' reads from a folder: name it", "folder")
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
    train_size: Count | None

    @model_validator(mode="after")
    def _limits_the_training_images_once(self) -> Split:
        if self.shots is not None and self.train_size is not None:
            raise conflict("choose one of the two, null the other", "shots", "train_size")
        return self


class Augmentation(Section):
    crop_padding: Annotated[int, Field(ge=0)]
    horizontal_flip: bool
    rotation: Annotated[float, Field(ge=0, le=180)]
    scale: Share
    brightness: Probability
    contrast: Probability
    erasing: Probability


class Model(Section):
    backbone: Name  # the registry of backbones names the nearest when the model is built
    weights: Name
    input_size: Annotated[int, Field(ge=8)] | None
    normalisation: Literal["auto", "backbone", "dataset"]
    freezing: Literal["none", "all_except_last"] | Annotated[list[Name], Field(min_length=1)]


class Training(Section):
    epochs: Annotated[int, Field(ge=0)]  # 0: the head alone is made, nothing is trained
    batch_size: Count
    optimizer: Literal["sgd", "adam", "adamw"]
    learning_rate: Positive
    backbone_learning_rate_factor: NonNegative
    momentum: Share
    nesterov: bool
    weight_decay: NonNegative
    schedule: Literal["one_cycle", "cosine", "constant"]
    label_smoothing: Share
    early_stopping_patience: Count | None
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None


def _partial(section: type[Section], name: str) -> type[Section]:
    """`section` with every key optional."""
    fields: dict[str, Any] = {
        key: (Annotated[field.annotation, Field(), *field.metadata], None)
        for key, field in section.model_fields.items()
    }
    return create_model(name, __base__=Section, **fields)


Scratch = _partial(Training, "Scratch")


class Features(Section):
    taps: Annotated[list[Name], Field(min_length=1)]
    grid: Annotated[int, Field(ge=1, le=16)]
    batch_size: Count


class SVM(Section):
    kernel: Literal["linear", "rbf"]
    C: Positive
    gamma: Literal["scale", "auto"] | Positive
    positive_class: Name | None
    class_weight: Literal["balanced"] | None


class Evaluation(Section):
    bootstrap_resamples: Count
    confidence: Annotated[float, Field(gt=0, lt=1)]


class Compute(Section):
    device: Name
    precision: Literal["auto", "fp32", "bf16", "fp16"]
    threads: Literal["auto"] | Count

    @field_validator("device")
    @classmethod
    def _is_a_kind_of_device(cls, device: str) -> str:
        if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", device):
            raise wrong_choice(["auto", "cpu", "cuda", "cuda:1", "mps"])
        return device


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
    features: Features
    svm: SVM
    evaluation: Evaluation
    compute: Compute

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


def wrong_choice(choices: list[str]) -> PydanticCustomError:
    """A value outside a registry, reported like a value outside a `Literal`."""
    expected = ", ".join(f"'{choice}'" for choice in choices)
    return PydanticCustomError(
        "literal_error", "Input should be one of {expected}", {"expected": expected}
    )


def conflict(message: str, *keys: str) -> PydanticCustomError:
    """Values that are right one by one and wrong together; `keys` are relative to the section."""
    return PydanticCustomError("conflict", "{message}", {"message": message, "keys": list(keys)})


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
