"""The schema of networks and their training."""

from __future__ import annotations

from collections.abc import Container
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, create_model, field_validator, model_validator

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

Freezing: TypeAlias = str | Annotated[list[Name], Field(min_length=1)]
# On the command line a key arrives as text.
Epoch = Annotated[
    int,
    BeforeValidator(lambda epoch: int(epoch) if str(epoch).isdigit() else epoch),
    Field(ge=1),
]


class Model(Section):
    backbone: Name  # the registry of backbones names the nearest when the model is built
    weights: Name
    options: dict[Name, bool | int | float | str | list[int]]
    input_size: Annotated[int, Field(ge=8)] | None
    normalisation: Literal["auto", "backbone", "dataset"]
    freezing: Freezing
    head_hidden: Count | None
    head_dropout: Share
    lora_rank: Count | None
    lora_alpha: Positive

    @field_validator("freezing")
    @classmethod
    def _is_a_strategy(cls, freezing: Freezing) -> Freezing:
        _require_strategy(freezing)
        return freezing


class Training(Section):
    epochs: Annotated[int, Field(ge=0)]  # 0: the head alone is made, nothing is trained
    batch_size: Count
    micro_batch_size: Count | None
    optimizer: Literal["sgd", "adam", "adamw", "muon"]
    learning_rate: Positive
    backbone_learning_rate_factor: NonNegative
    stage_learning_rates: dict[Name, NonNegative]
    momentum: Share
    nesterov: bool
    weight_decay: NonNegative
    weight_decay_on_norms: bool
    l2_sp: Positive | None
    unfreezing: dict[Epoch, Freezing]
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
    batch_norm_statistics: Literal["auto", "running", "precise"]
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

    @field_validator("unfreezing")
    @classmethod
    def _are_strategies(cls, unfreezing: dict[int, Freezing]) -> dict[int, Freezing]:
        for freezing in unfreezing.values():
            _require_strategy(freezing)
        return unfreezing

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


def _require_strategy(freezing: Freezing) -> None:
    from graft.models.freezing import STRATEGIES, is_strategy

    if isinstance(freezing, str) and not is_strategy(freezing):
        choices = [name.replace("<k>", "2") for name in STRATEGIES]
        raise wrong_choice(choices, ", with any number, or a list of the stages to train")


def _partial(section: type[Section], name: str, without: Container[str] = ()) -> type[Section]:
    """`section` with every key optional, and some left out."""
    fields: dict[str, Any] = {
        key: (Annotated[field.annotation, Field(), *field.metadata], None)
        for key, field in section.model_fields.items()
        if key not in without
    }
    return create_model(name, __base__=Section, **fields)


class LearningRateFinder(Section):
    steps: Annotated[int, Field(ge=20)]
    lowest: Positive
    highest: Positive

    @model_validator(mode="after")
    def _has_a_range(self) -> LearningRateFinder:
        if self.lowest >= self.highest:
            raise conflict("the rate rises from the lowest to the highest", "lowest", "highest")
        return self


# Without pretrained weights there is nothing to stay near to and nothing to freeze.
Scratch = _partial(Training, "Scratch", without=("l2_sp", "unfreezing"))
