"""The schema of sweeps."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from graft.config.section import Count, Name, Positive, Section, conflict


class Range(Section):
    """Numbers from `low` to `high`, whole ones where both are; `log`: evenly by their ratio."""

    low: int | float
    high: int | float
    log: bool = False

    @model_validator(mode="after")
    def _goes_upwards(self) -> Range:
        if self.low >= self.high:
            raise conflict("a range goes from low up to high", "low", "high")
        if self.log and self.low <= 0:
            raise conflict("a logarithmic range begins above 0", "low", "log")
        return self


Choices = Annotated[list[Any], Field(min_length=1)]


class Sweep(Section):
    space: dict[Name, Choices | Range]
    trials: Count
    measure: Literal["auto", "accuracy", "loss", "mean_average_precision"]
    sampler: Literal["tpe", "gp", "random", "grid"]
    pruner: Literal["median", "hyperband", "none"]
    seeds: Count
    promising: Count
    workers: Count
    storage: Name | None
    heartbeat: Positive

    @field_validator("storage")
    @classmethod
    def _is_a_database_without_its_password(cls, storage: str | None) -> str | None:
        if storage is not None and not re.match(r"postgresql(\+psycopg)?://", storage):
            raise PydanticCustomError(
                "storage",
                "Input should be null (an SQLite file) or postgresql://user@host/database",
            )
        if storage is not None and re.match(r"[^:]+://[^/@]*:[^/@]*@", storage):
            raise PydanticCustomError(
                "storage",
                "should not hold the password, which runs would record: ~/.pgpass holds "
                "it, or the environment variable PGPASSWORD",
            )
        return storage

    @model_validator(mode="after")
    def _a_grid_has_choices(self) -> Sweep:
        if self.sampler == "grid" and any(isinstance(v, Range) for v in self.space.values()):
            raise conflict("a grid goes through lists of values, not through ranges", "sampler")
        return self
