"""The schema of bundles and of what is done with them."""

from __future__ import annotations

from typing import Literal

from graft.config.section import Name, Section


class Bundle(Section):
    registered: bool


class Submission(Section):
    id_column: Name
    id: Literal["stem", "name", "path"]
    label_column: Name | None
    label_separator: str


class Prediction(Section):
    folder: Name | None
    bundle: Name
    submission: Submission


class Export(Section):
    format: Literal["torch", "onnx"]
