"""The parameters that an experiment settles, and which file says so.

Read from `conf/base` and `conf/experiments` alone, so that it is the same on every machine, and
unchecked, so that an experiment that still lacks a value (a folder, say) can be looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from graft.config.experiments import Experiment
from graft.nested import leaves


@dataclass(frozen=True)
class Setting:
    """One parameter.

    Attributes:
        key: Dotted.
        value: What it is.
        file: The last file that says so, e.g. "conf/base/parameters.yml".
        is_default: Whether `conf/base` has the same value.
    """

    key: str
    value: Any
    file: str
    is_default: bool


def settings_of(lineage: Sequence[Experiment], conf: Path) -> list[Setting]:
    """All parameters of an experiment, in the order of `conf/base`.

    Args:
        lineage: As `ExperimentFolder.lineage` returns it.
        conf: The folder with `base`.
    """
    base = {
        file.relative_to(conf.parent).as_posix(): OmegaConf.load(file)
        for file in sorted(conf.glob("base/parameters*.yml"))
    }
    name = OmegaConf.create({"experiment": lineage[-1].name})
    layers = [*base.items(), *((member.file, member.overrides) for member in lineage)]
    defaults = dict(_leaves(OmegaConf.merge(*base.values())))
    merged = OmegaConf.merge(*(config for _, config in layers), name)
    where: dict[str, str] = {}
    for file, config in layers:
        where |= {key: file for key, _ in _leaves(config)}
    values = dict(_leaves(merged, resolve=True))
    where["experiment"] = lineage[-1].file
    return [
        Setting(key, value, where[key], key in defaults and defaults[key] == value)
        for key, value in values.items()
    ]


def _leaves(config: Any, *, resolve: bool = False) -> Iterator[tuple[str, Any]]:
    """Values by dotted keys; an empty mapping is a value, too."""
    content: Any = OmegaConf.to_container(config, resolve=resolve)
    return leaves(content, with_empty=True)
