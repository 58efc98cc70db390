"""What the schema's sections have in common: their base, ranges of numbers, and problems' kinds."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

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


def wrong_choice(choices: list[str], other: str = "") -> PydanticCustomError:
    """A value outside a registry, reported like a value outside a `Literal`.

    Args:
        choices: What it may be.
        other: What else it may be, in words.
    """
    expected = ", ".join(f"'{choice}'" for choice in choices)
    return PydanticCustomError(
        "literal_error",
        "Input should be one of {expected}{other}",
        {"expected": expected, "other": other},
    )


def conflict(message: str, *keys: str) -> PydanticCustomError:
    """Values that are right one by one and wrong together; `keys` are relative to the section."""
    return PydanticCustomError("conflict", "{message}", {"message": message, "keys": list(keys)})
