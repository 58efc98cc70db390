"""The schema of bundles and of what is done with them."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from graft.config.section import Name, Section, conflict


class Bundle(Section):
    registered: bool


class Submission(Section):
    id_column: Name
    id: Literal["stem", "name", "path"]
    label_column: Name | None
    label_separator: str

    @model_validator(mode="after")
    def _names_two_columns(self) -> Submission:
        if self.id_column == self.label_column:
            raise conflict("one column would take the other's place", "id_column", "label_column")
        return self


class Prediction(Section):
    folder: Name | None
    bundle: Name
    submission: Submission


class Export(Section):
    format: Literal["torch", "onnx"]
