"""Study files: `conf/studies/<study>.yml`, each a table of a report.

    # kedro run --pipeline=study --params=study=cifar10_ablation
    description: One choice at a time of a small network   # one line, required
    rows: [C1, C2, C3, {C14: the report's test images are others}]
    measure: accuracy            # of rows that report no number, and of the claims
    not_comparable: other data   # of all rows, where there is a reason
    claims:                      # what the report concludes
      - {claim: Adam is the best optimizer, best: C3, among: [C1, C2, C3]}

Rows are experiments; a row with a reason is not comparable with the report's number for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from graft.config.problems import ConfigError
from graft.errors import GraftError, did_you_mean
from graft.evaluation.claims import Claim

_Text = Annotated[str, Field(min_length=1)]


class _ClaimOfFile(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    claim: _Text
    best: _Text
    among: Annotated[list[_Text], Field(min_length=2)]
    measure: _Text | None = None


class _FileContent(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    description: _Text
    rows: Annotated[list[_Text | dict[str, _Text]], Field(min_length=1)]
    measure: _Text = "accuracy"
    not_comparable: str = ""
    claims: list[_ClaimOfFile] = []


@dataclass(frozen=True)
class StudyFile:
    """What a study file says.

    Attributes:
        name: The file's name without its ending.
        description: One line.
        rows: The names of experiments, and why each is not comparable ("" where it is).
        measure: Of rows without a reported number, and of claims that name none.
        claims: The report's conclusions.
    """

    name: str
    description: str
    rows: dict[str, str]
    measure: str
    claims: tuple[Claim, ...]


def read_study(folder: Path, name: str | None) -> StudyFile:
    """Read a study file.

    Args:
        folder: `conf/studies`.
        name: The study's; None where none is chosen.

    Raises:
        GraftError: None is chosen.
        ConfigError: There is no such file, or it is not what it should be.
    """
    names = sorted(file.stem for file in folder.glob("*.yml"))
    if name is None:
        raise GraftError(
            "study: no study is chosen. Name one, for example --params=study=digits\n"
            f"      There are {', '.join(names)}."
        )
    if name not in names:
        raise ConfigError(
            f"There is no study '{name}'{did_you_mean(name, names)}\n"
            f"      There are {', '.join(names)}."
        )
    shown = f"conf/studies/{name}.yml"
    try:
        content = _FileContent.model_validate(
            yaml.safe_load((folder / f"{name}.yml").read_text(encoding="utf-8"))
        )
    except yaml.YAMLError as error:
        raise ConfigError(f"{shown} is no valid YAML: {error}") from None
    except ValidationError as error:
        problems = (
            f"  {'.'.join(map(str, details['loc'])) or 'the file'}: {details['msg']}"
            for details in error.errors(include_url=False)
        )
        raise ConfigError("\n".join([f"{shown} cannot be used:", *problems])) from None
    rows = _rows(content, shown)
    return StudyFile(
        name, content.description, rows, content.measure, _claims(content, rows, shown)
    )


def _rows(content: _FileContent, shown: str) -> dict[str, str]:
    rows: dict[str, str] = {}
    for given in content.rows:
        told = {given: ""} if isinstance(given, str) else given
        for name, reason in told.items():
            if name in rows:
                raise ConfigError(f"{shown}: the row {name} stands there twice.")
            rows[name] = "; ".join(filter(None, [content.not_comparable, reason]))
    return rows


def _claims(content: _FileContent, rows: dict[str, Any], shown: str) -> tuple[Claim, ...]:
    for claim in content.claims:
        for name in (claim.best, *claim.among):
            if name not in rows:
                raise ConfigError(
                    f"{shown}: the claim '{claim.claim}' is about {name}, which is no row"
                    f"{did_you_mean(name, rows)}"
                )
        if claim.best not in claim.among:
            raise ConfigError(f"{shown}: '{claim.claim}': {claim.best} has to be among the others.")
        if len(set(claim.among)) < len(claim.among):
            raise ConfigError(f"{shown}: '{claim.claim}': a row stands twice in 'among'.")
    return tuple(
        Claim(claim.claim, claim.best, tuple(claim.among), claim.measure or content.measure)
        for claim in content.claims
    )
