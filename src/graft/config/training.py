"""The schema of networks and their training."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, create_model, field_validator, model_validator

from graft.config.section import (
    Count,
    Name,
    NonNegative,
    Positive,
    Section,
    Share,
    conflict,
    wrong_choice,
)


class Model(Section):
    backbone: Name  # the registry of backbones names the nearest when the model is built
    weights: Name
    options: dict[Name, bool | int | float | str | list[int]]
    input_size: Annotated[int, Field(ge=8)] | None
    normalisation: Literal["auto", "backbone", "dataset"]
    freezing: str | Annotated[list[Name], Field(min_length=1)]
    head_hidden: Count | None
    head_dropout: Share

    @field_validator("freezing")
    @classmethod
    def _is_a_strategy(cls, freezing: str | list[str]) -> str | list[str]:
        from graft.models.freezing import STRATEGIES, is_strategy

        if isinstance(freezing, str) and not is_strategy(freezing):
            choices = [name.replace("<k>", "2") for name in STRATEGIES]
            raise wrong_choice(choices, ", with any number, or a list of the stages to train")
        return freezing


class Training(Section):
    epochs: Annotated[int, Field(ge=0)]  # 0: the head alone is made, nothing is trained
    batch_size: Count
    micro_batch_size: Count | None
    optimizer: Literal["sgd", "adam", "adamw"]
    learning_rate: Positive
    backbone_learning_rate_factor: NonNegative
    stage_learning_rates: dict[Name, NonNegative]
    momentum: Share
    nesterov: bool
    weight_decay: NonNegative
    weight_decay_on_norms: bool
    gradient_clipping: Positive | None
    schedule: Literal["one_cycle", "cosine", "constant", "step", "multi_step"]
    warm_up_epochs: NonNegative
    step_epochs: Count
    milestones: list[Count]
    step_factor: Annotated[float, Field(gt=0, le=1)]
    loss: Name
    label_smoothing: Share
    focal_gamma: NonNegative
    class_weights: Literal["balanced"] | None
    sampling: Literal["shuffled", "balanced"]
    early_stopping_patience: Count | None
    cached_views: Count | None
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None
    resume: Literal["never", "auto"]
    checkpoint_seconds: NonNegative

    @field_validator("loss")
    @classmethod
    def _is_a_loss(cls, loss: str) -> str:
        from graft.training.losses import list_losses

        known = ["auto", *sorted({*list_losses(False), *list_losses(True)})]
        if loss not in known:
            raise wrong_choice(known)
        return loss

    @model_validator(mode="after")
    def _has_the_milestones_it_needs(self) -> Training:
        if self.schedule == "multi_step" and not self.milestones:
            raise conflict(
                "multi_step lowers the rate after certain epochs: name them", "milestones"
            )
        return self

    @model_validator(mode="after")
    def _balances_once(self) -> Training:
        if self.class_weights == "balanced" and self.sampling == "balanced":
            raise conflict(
                "rare classes would count twice: balance the weights or the sampling",
                "class_weights",
                "sampling",
            )
        return self


def _partial(section: type[Section], name: str) -> type[Section]:
    """`section` with every key optional."""
    fields: dict[str, Any] = {
        key: (Annotated[field.annotation, Field(), *field.metadata], None)
        for key, field in section.model_fields.items()
    }
    return create_model(name, __base__=Section, **fields)


Scratch = _partial(Training, "Scratch")
