"""The schema of studies: how the rows of a report's table are run."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from graft.config.evaluation import Names
from graft.config.section import Count, Section


def _seeds(given: Any) -> Any:
    """The numbers of "0+1": a list cannot be typed on the command line."""
    if isinstance(given, str):
        return [int(part) if part.isdigit() else part for part in given.split("+")]
    return [given] if isinstance(given, int) else given


Seeds = Annotated[list[Annotated[int, Field(ge=0)]], BeforeValidator(_seeds), Field(min_length=1)]


class StudyRows(Section):
    only: Names | None
    seeds: Seeds
    processes: Count
