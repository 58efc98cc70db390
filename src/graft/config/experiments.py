"""Experiment files: small YAML files that hold what differs from the default parameters.

    # kedro run --pipeline=single_network -x C4
    _description: Batch normalisation    # one line, required
    _extends: C3                         # another experiment, which this one differs from
    model:
      options: {normalisation: batch_norm}

They lie anywhere below `conf/experiments`; a file's name is the experiment's, so names are unique.
Keys that begin with an underscore are about the experiment, all others override parameters:

    _pipeline      what the experiment is meant for, as `kedro run -x C4` takes it; inherited
    _reported      what a report or paper gives: numbers, or a list of them for `per_class`
    _assumptions   sentences: what the report leaves open, and what is chosen here; inherited
    _note          what a reader has to know beyond that

The keys of `_reported` are those of a run's metrics (accuracy, macro_f1, mean_average_precision,
log_loss, …), where `per_class` lists the accuracies or average precisions in the order of classes.
Beside them stand `method`, where a pipeline has several; parameters and multiply_accumulates of the
network; seconds that the training took, on the report's machine; and `read_from`, what the measures
were read from ("a curve") where the report prints none.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import fsspec
import yaml
from omegaconf import Container, DictConfig, OmegaConf

from graft.config.problems import ConfigError
from graft.errors import did_you_mean

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

METADATA = ("_description", "_extends", "_pipeline", "_reported", "_assumptions", "_note")
DEFAULT_PIPELINE = "transfer_learning"


@dataclass(frozen=True)
class Experiment:
    """One experiment file, with what it inherits from those that it extends.

    Attributes:
        name: The file's name without its ending.
        file: The file as messages name it, e.g. "conf/experiments/mnist/M6.yml".
        commands: The comment that it begins with: how to launch it.
        description: One line.
        extends: The experiment it differs from, or None.
        pipeline: What it is meant for: its own, else that of what it extends.
        reported: What a report gives, see the module; empty where there is nothing. Its own only.
        assumptions: Those of what it extends, then its own.
        note: "" where there is none. Its own only.
        overrides: The parameters that it sets itself, interpolations unresolved.
    """

    name: str
    file: str
    commands: str
    description: str
    extends: str | None
    pipeline: str
    reported: Mapping[str, Any]
    assumptions: tuple[str, ...]
    note: str
    overrides: DictConfig


class ExperimentFolder:
    """The folder `conf/experiments`, on a disk, in an archive or in a bucket; read once."""

    def __init__(self, folder: str, filesystem: AbstractFileSystem | None = None):
        self._folder = PurePosixPath(folder)
        self._filesystem = filesystem or fsspec.filesystem("file")
        self._known: dict[str, Experiment] = {}

    def names(self) -> list[str]:
        """All experiments, folder by folder in alphabetical order, F2 before F10.

        Raises:
            ConfigError: Two files have one name.
        """
        return list(self._files)

    def groups(self) -> dict[str, list[str]]:
        """The same by their folders below `conf/experiments`; "" is that folder itself."""
        groups: dict[str, list[str]] = {}
        for name, path in self._files.items():
            group = path.parent.as_posix()
            groups.setdefault("" if group == "." else group, []).append(name)
        return groups

    def read(self, name: str) -> Experiment:
        """Read an experiment.

        Raises:
            ConfigError: There is no such experiment, its file or one that it extends is not what
                it should be, or they extend each other in a circle.
        """
        return self.lineage(name)[-1]

    def lineage(self, name: str) -> list[Experiment]:
        """The experiment behind all that it extends: the order in which to merge them.

        Raises:
            ConfigError: As of `read`.
        """
        found: dict[str, Experiment] = {}
        next_name: str | None = name
        while next_name is not None:
            if next_name in found:
                circle = " -> ".join([*found, next_name])
                raise ConfigError(f"{found[name].file}: _extends goes in a circle: {circle}")
            found[next_name] = self._read_parent(next_name, list(found.values()))
            next_name = found[next_name].extends
        lineage: list[Experiment] = []
        pipeline = DEFAULT_PIPELINE
        assumptions: tuple[str, ...] = ()
        for experiment in reversed(found.values()):
            pipeline = experiment.pipeline or pipeline
            assumptions = (*assumptions, *experiment.assumptions)
            lineage.append(replace(experiment, pipeline=pipeline, assumptions=assumptions))
        return lineage

    @cached_property
    def _files(self) -> dict[str, PurePosixPath]:
        """Where each experiment lies, below the folder."""
        root = f"{str(self._folder).strip('/')}/"
        found = self._filesystem.glob(f"{self._folder}/**/*.yml")
        paths = [PurePosixPath(file.partition(root)[2]) for file in found]
        files: dict[str, PurePosixPath] = {}
        for path in sorted(paths, key=lambda path: (path.parent.parts, _with_numbers(path.stem))):
            if path.stem in files:
                raise ConfigError(
                    f"{self._shown(files[path.stem])} and {self._shown(path)} have the same name, "
                    "which is the experiment's: rename one of them."
                )
            files[path.stem] = path
        return files

    def _shown(self, path: PurePosixPath) -> str:
        return PurePosixPath(*self._folder.parts[-2:], path).as_posix()

    def _read_parent(self, name: str, children: list[Experiment]) -> Experiment:
        try:
            return self._read_file(name)
        except ConfigError as error:
            if not children:
                raise
            raise ConfigError(f"{children[-1].file}: _extends: {error}") from None

    def _read_file(self, name: str) -> Experiment:
        """What the file itself says: nothing inherited, no pipeline where it names none."""
        if name not in self._known:
            self._known[name] = self._parse(name)
        return self._known[name]

    def _parse(self, name: str) -> Experiment:
        files = self._files
        if name not in files:
            raise ConfigError(
                f"There is no experiment '{name}'{did_you_mean(name, list(files))}\n"
                "      'kedro experiments' lists all of them."
            )
        file = self._shown(files[name])
        text = self._filesystem.cat_file(str(self._folder / files[name])).decode()
        content = _load_yaml(file, text)
        metadata = _take_metadata(content)
        _check(file, metadata, content)
        return Experiment(
            name=name,
            file=file,
            commands=_comment_at_the_head(text),
            description=metadata["_description"],
            extends=metadata.get("_extends"),
            pipeline=metadata.get("_pipeline", ""),
            reported=metadata.get("_reported", {}),
            assumptions=tuple(metadata.get("_assumptions", ())),
            note=metadata.get("_note", "").strip(),
            overrides=content,
        )


def _with_numbers(name: str) -> list[tuple[str, int]]:
    """What to sort names by, so that F10 comes after F2."""
    parts = re.findall(r"(\D*)(\d*)", name)
    return [(text.lower(), int(number or 0)) for text, number in parts]


def _comment_at_the_head(text: str) -> str:
    lines = itertools.takewhile(lambda line: line.startswith("#"), text.splitlines())
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines)


def _load_yaml(file: str, text: str) -> DictConfig:
    try:
        content = OmegaConf.create(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{file} is no valid YAML: {error}") from None
    if not isinstance(content, DictConfig):
        raise ConfigError(f"{file} has to hold keys and values, such as 'seed: 1'.")
    return content


def _take_metadata(content: DictConfig) -> dict[str, Any]:
    """The keys that are about the experiment, which then are no overrides any more."""
    taken = {key: content.pop(key) for key in list(content) if str(key).startswith("_")}
    return {
        str(key): OmegaConf.to_container(value) if isinstance(value, Container) else value
        for key, value in taken.items()
    }


def _check(file: str, metadata: dict[str, Any], overrides: DictConfig) -> None:
    for key in metadata:
        if key not in METADATA:
            raise ConfigError(f"{file}: '{key}' is no key{did_you_mean(key, METADATA)}")
    description = metadata.get("_description")
    if not isinstance(description, str) or not description or "\n" in description.strip():
        raise ConfigError(f"{file}: '_description' is missing: say in one line what this is.")
    expected = {
        "_extends": ("the name of one experiment", _is_text),
        "_pipeline": ("the name of one pipeline", _is_text),
        "_note": ("text", _is_text),
        "_assumptions": ("a list of sentences", _are_sentences),
        "_reported": (
            "a mapping of measures to numbers (per_class: to a list of them), such as "
            "{accuracy: 0.9}; what a report says in words belongs into '_note'",
            _are_figures,
        ),
    }
    for key, (what, is_so) in expected.items():
        if key in metadata and not is_so(metadata[key]):
            raise ConfigError(f"{file}: '{key}' has to be {what}.")
    if "experiment" in overrides:
        raise ConfigError(
            f"{file}: an experiment's name is its file's name, so remove 'experiment'. "
            "To build on another experiment, write '_extends: <name>'."
        )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_sentences(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _are_figures(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_figure, value.keys(), value.values()))


def _is_figure(key: str, figure: Any) -> bool:
    if key in ("method", "read_from"):
        return _is_text(figure)
    figures = figure if key == "per_class" and isinstance(figure, list) else [figure]
    return all(map(_is_number, figures))


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
