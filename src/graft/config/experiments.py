"""Experiment files: small YAML files that hold what differs from the default parameters.

    _description: Ten images a class   # one line, required
    _extends: digits                   # another experiment, which this one differs from
    split:
      shots: 10

`_reported` (the values a paper or report gives) and `_note` are for readers and tables. Every other
key overrides a parameter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import fsspec
import yaml
from omegaconf import DictConfig, OmegaConf

from graft.config.problems import ConfigError
from graft.errors import did_you_mean

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

METADATA = ("_description", "_extends", "_reported", "_note")


@dataclass(frozen=True)
class Experiment:
    """One experiment file.

    Attributes:
        name: The file's name without its ending.
        file: The file as messages name it, e.g. "conf/experiments/digits.yml".
        description: One line.
        extends: The experiment it differs from, or None.
        overrides: The parameters that it sets, interpolations unresolved.
    """

    name: str
    file: str
    description: str
    extends: str | None
    overrides: DictConfig


class ExperimentFolder:
    """The folder `conf/experiments`, on a disk, in an archive or in a bucket."""

    def __init__(self, folder: str, filesystem: AbstractFileSystem | None = None):
        self._folder = PurePosixPath(folder)
        self._filesystem = filesystem or fsspec.filesystem("file")

    def names(self) -> list[str]:
        """All experiments, in alphabetical order."""
        files = self._filesystem.glob(f"{self._folder}/*.yml")
        return sorted(PurePosixPath(file).stem for file in files)

    def read(self, name: str) -> Experiment:
        """Read one file.

        Raises:
            ConfigError: There is no such experiment, or its file is not what it should be.
        """
        names = self.names()
        if name not in names:
            raise ConfigError(
                f"There is no experiment '{name}'{did_you_mean(name, names)}\n"
                "      'kedro experiments' lists all of them."
            )
        path = self._folder / f"{name}.yml"
        file = "/".join(path.parts[-3:])
        content = self._load(path, file)
        metadata = {str(key): content.pop(key) for key in list(content) if _is_metadata(key)}
        _check(file, metadata, content)
        return Experiment(
            name=name,
            file=file,
            description=metadata["_description"],
            extends=metadata.get("_extends"),
            overrides=content,
        )

    def lineage(self, name: str) -> list[Experiment]:
        """The experiment behind all that it extends: the order in which to merge them.

        Raises:
            ConfigError: One of them cannot be read, or they extend each other in a circle.
        """
        lineage: dict[str, Experiment] = {}
        next_name: str | None = name
        while next_name is not None:
            if next_name in lineage:
                circle = " -> ".join([*lineage, next_name])
                raise ConfigError(f"{lineage[name].file}: _extends goes in a circle: {circle}")
            lineage[next_name] = self._read_parent(next_name, list(lineage.values()))
            next_name = lineage[next_name].extends
        return list(reversed(lineage.values()))

    def _read_parent(self, name: str, children: list[Experiment]) -> Experiment:
        try:
            return self.read(name)
        except ConfigError as error:
            if not children:
                raise
            raise ConfigError(f"{children[-1].file}: _extends: {error}") from None

    def _load(self, path: PurePosixPath, file: str) -> DictConfig:
        try:
            content = OmegaConf.create(self._filesystem.cat_file(str(path)).decode())
        except yaml.YAMLError as error:
            raise ConfigError(f"{file} is no valid YAML: {error}") from None
        if not isinstance(content, DictConfig):
            raise ConfigError(f"{file} has to hold keys and values, such as 'seed: 1'.")
        return content


def leaf_keys(config: Any, prefix: str = "") -> Iterator[str]:
    """The dotted keys of a nested dict's values: {"a": {"b": 1}} has "a.b"."""
    for key, value in config.items():
        if isinstance(value, dict) and value:
            yield from leaf_keys(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def _is_metadata(key: Any) -> bool:
    return str(key).startswith("_")


def _check(file: str, metadata: dict[str, Any], overrides: DictConfig) -> None:
    for key in metadata:
        if key not in METADATA:
            raise ConfigError(f"{file}: '{key}' is no key{did_you_mean(key, METADATA)}")
    description = metadata.get("_description")
    if not isinstance(description, str) or not description or "\n" in description.strip():
        raise ConfigError(f"{file}: '_description' is missing: say in one line what this is.")
    if not isinstance(metadata.get("_extends"), str | None):
        raise ConfigError(f"{file}: '_extends' has to be the name of one experiment.")
    if "experiment" in overrides:
        raise ConfigError(
            f"{file}: an experiment's name is its file's name, so remove 'experiment'. "
            "To build on another experiment, write '_extends: <name>'."
        )
