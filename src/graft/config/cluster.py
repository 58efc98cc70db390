"""The schema of `cluster.yml` and `mail.yml`, which belong to a user and not to a run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from graft.config.problems import ConfigError, describe_problems
from graft.config.section import Count, Name, Section, conflict

if TYPE_CHECKING:
    from kedro.config import AbstractConfigLoader

# Of text that becomes a line of a script or a header: a second line would be another one.
Line = Annotated[Name, Field(pattern=r"^[^\r\n]*$")]

_TIME = re.compile(r"(\d+-)?\d+(:\d\d){0,2}|UNLIMITED")
_GPUS = re.compile(r"([\w.-]+:)?\d+")
_MEMORY = re.compile(r"\d+[KMGT]?")


class Cluster(Section):
    """What to ask SLURM for, and how. Times in seconds where the unit is not written out."""

    partition: Line | None
    account: Line | None
    time: Any
    gpus: Annotated[int, Field(ge=0)] | str
    cpus: Count
    memory: Name | None
    setup: list[Line]
    options: list[Line]
    at_once: Count | None
    workers: Count
    warning: Annotated[int, Field(ge=1, le=65535)]
    restarts: Annotated[int, Field(ge=0)]
    mail_user: Line | None

    @field_validator("time")
    @classmethod
    def _is_a_time(cls, time: Any) -> str:
        # Without quotes YAML reads 24:00:00 as a number to the base of 60.
        if not isinstance(time, str) or not _TIME.fullmatch(time):
            raise _unlike('a time in quotes: "24:00:00", or "3-00:00:00" for three days')
        return time

    @field_validator("gpus")
    @classmethod
    def _are_gpus(cls, gpus: int | str) -> int | str:
        if not _GPUS.fullmatch(str(gpus)):
            raise _unlike('a number of GPUs, or "type:number"')
        return gpus

    @field_validator("memory")
    @classmethod
    def _is_an_amount(cls, memory: str | None) -> str | None:
        if memory is not None and not _MEMORY.fullmatch(memory):
            raise _unlike("an amount of memory with its unit, e.g. 16G")
        return memory

    @property
    def gpu_count(self) -> int:
        """GPUs on each node."""
        return int(str(self.gpus).rpartition(":")[2])


class Mail(Section):
    """Where e-mail about runs goes, and through which server."""

    server: Line | None
    port: Annotated[int, Field(ge=1, le=65535)]
    encryption: Literal["starttls", "tls", "none"]
    sender: Line | None
    recipient: Line | None

    @model_validator(mode="after")
    def _knows_to_whom(self) -> Mail:
        if self.server is not None and self.recipient is None:
            raise conflict("say to whom to write, or set server to null", "server", "recipient")
        return self


_Kind = TypeVar("_Kind", Cluster, Mail)


def read_cluster(loader: AbstractConfigLoader, options: Mapping[str, Any]) -> Cluster:
    """`cluster.yml` with the command line's options, by their names in it, on top.

    Raises:
        ConfigError: A value is wrong; the message lists all of them.
    """
    given = {key: value for key, value in options.items() if value is not None}
    origins = {key: f"--{key.replace('_', '-')}" for key in given}
    return _checked(Cluster, {**loader["cluster"], **given}, origins)


def read_mail(loader: AbstractConfigLoader) -> Mail | None:
    """`mail.yml`; None where it names no server, or where there is none.

    Raises:
        ConfigError: A value is wrong; the message lists all of them.
    """
    from kedro.config import MissingConfigException

    try:
        mail = _checked(Mail, loader["mail"], {})
    except MissingConfigException:
        return None
    return mail if mail.server else None


def _checked(kind: type[_Kind], values: Mapping[str, Any], origins: Mapping[str, str]) -> _Kind:
    """The values as a section; `origins` are of those that do not come from its file."""
    where = {**dict.fromkeys(values, f"{kind.__name__.lower()}.yml"), **origins}
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = describe_problems(error, values, where, list(kind.model_fields))
        raise ConfigError(problems) from None


def _unlike(expected: str) -> PydanticCustomError:
    return PydanticCustomError("unlike", "Input should be {expected}", {"expected": expected})
