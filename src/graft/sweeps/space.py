"""What a sweep samples: for each parameter, by its dotted name, a list of values or a range.

A value that is a mapping sets several parameters at once: it goes key by key into the section (or
the parameter) of that name, as an experiment goes into the defaults.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from graft.config.schema import validate_parameters
from graft.errors import GraftError
from graft.nested import leaves

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.distributions import BaseDistribution

Params: TypeAlias = dict[str, Any]
Values: TypeAlias = dict[str, Any]  # sampled values by dotted names

# Of these alone a trial can have its own: all trials see the same images, which are loaded once.
SECTIONS = ("model", "training", "augmentation")


@dataclass(frozen=True)
class Choices:
    """One of some values of any type."""

    key: str
    values: tuple[Any, ...]

    @property
    def labels(self) -> list[Any]:
        """The values as Optuna's categories."""
        return [as_label(value) for value in self.values]

    def suggest(self, trial: Trial) -> Any:
        label = trial.suggest_categorical(self.key, self.labels)
        return self.values[self.labels.index(label)]

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.labels)

    def examples(self) -> Sequence[Any]:
        """The values to check."""
        return self.values


@dataclass(frozen=True)
class Range:
    """A number between two, both included."""

    key: str
    low: float
    high: float
    log: bool

    @property
    def _whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    def suggest(self, trial: Trial) -> int | float:
        if self._whole:
            return trial.suggest_int(self.key, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(self.key, self.low, self.high, log=self.log)

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import FloatDistribution, IntDistribution

        if self._whole:
            return IntDistribution(int(self.low), int(self.high), log=self.log)
        return FloatDistribution(self.low, self.high, log=self.log)

    def examples(self) -> Sequence[Any]:
        """The values to check: its ends."""
        return (self.low, self.high)


Dimension: TypeAlias = Choices | Range


def read_space(space: Mapping[str, Any]) -> tuple[Dimension, ...]:
    """The parameter `sweep.space`, in its order."""
    return tuple(
        Choices(key, tuple(said))
        if isinstance(said, list)
        else Range(key, said["low"], said["high"], said.get("log", False))
        for key, said in space.items()
    )


def with_values(parameters: Mapping[str, Any], values: Values) -> Params:
    """A copy of nested parameters in which those with these dotted names have these values.

    A mapping changes what it names and leaves the rest of its section.

    Raises:
        GraftError: A name goes on behind a parameter.
    """
    changed = copy.deepcopy(dict(parameters))
    for key, value in values.items():
        *sections, name = key.split(".")
        section = changed
        for part in sections:
            section = section.setdefault(part, {})
            if not isinstance(section, dict):
                raise GraftError(f"'{key}' is no parameter: '{part}' is a value and no section.")
        section[name] = _merged(section.get(name), value)
    return changed


def values_of(name: str, space: Sequence[Dimension], otherwise: Any) -> list[Any]:
    """What a parameter can be in a trial: its values in the space, or else what it is anyway."""
    for dimension in space:
        said = [dict(leaves({dimension.key: value})) for value in dimension.examples()]
        if any(name in settings for settings in said):
            return [settings.get(name, otherwise) for settings in said]
    return [otherwise]


def require_space(parameters: Params) -> None:
    """Check every value of the space before the first trial.

    Values that are wrong only together are not looked for: such a trial fails, with the reason.

    Raises:
        GraftError: There is no space; a name is no parameter, or none that trials can have of their
            own; a value is not allowed; a parameter is sampled twice; there are no validation
            images. The message names the nearest right word.
    """
    space = read_space(parameters["sweep"]["space"])
    if not space:
        raise GraftError(
            "sweep.space is empty: say which parameters to sample, such as "
            "{training.learning_rate: {low: 0.01, high: 0.3, log: true}}."
        )
    if parameters["split"]["validation"] == 0 and parameters["split"]["folds"] is None:
        raise GraftError(
            "A sweep judges its trials by validation images, and there are none: raise "
            "split.validation."
        )
    if parameters["training"]["epochs"] == 0:
        raise GraftError("A sweep has to train: training.epochs is 0.")
    if parameters["processes"]["per_host"] * parameters["processes"]["hosts"] > 1:
        raise GraftError(
            "The workers of a sweep train each for itself: set sweep.workers, and leave "
            "processes.per_host and processes.hosts at 1."
        )
    for dimension in space:
        for value in dimension.examples():  # all others being the experiment's
            changed = with_values(parameters, {dimension.key: value})
            names = dict(leaves({dimension.key: value}))
            validate_parameters(changed, dict.fromkeys(names, "sweep.space"))
        if dimension.key.partition(".")[0] not in SECTIONS:
            raise GraftError(
                f"sweep.space: '{dimension.key}' cannot be sampled, for the images are loaded once "
                f"for all trials. Parameters of {', '.join(SECTIONS)} can."
            )
    _require_sampled_once(space)
    _require_options(parameters, space)


def _require_sampled_once(space: Sequence[Dimension]) -> None:
    """Of two dimensions that set one parameter the later one would win in every trial."""
    sampled_by: dict[str, str] = {}
    for dimension in space:
        for name in (
            n for value in dimension.examples() for n, _ in leaves({dimension.key: value})
        ):
            other = sampled_by.setdefault(name, dimension.key)
            if other != dimension.key:
                raise GraftError(
                    f"sweep.space: both '{other}' and '{dimension.key}' set {name}: leave it out "
                    "of one of them."
                )


def _require_options(parameters: Params, space: Sequence[Dimension]) -> None:
    """What the networks say of the options: each has to be one that a sampled backbone has."""
    from graft.models.backbones import get_backbone
    from graft.models.options import choose_options

    names = values_of("model.backbone", space, parameters["model"]["backbone"])
    specs = [get_backbone(name) for name in names]
    for dimension in space:
        for example in dimension.examples():
            sampled = with_values({}, {dimension.key: example}).get("model", {}).get("options", {})
            for option, value in sampled.items():
                problems = []
                for spec in specs:
                    try:
                        choose_options(spec.name, spec.options, {option: value})
                    except GraftError as error:
                        problems.append(f"sweep.space: {error}")
                if len(problems) == len(specs):
                    raise GraftError(problems[0])


def _merged(old: Any, new: Any) -> Any:
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return new
    return {**old, **{key: _merged(old.get(key), value) for key, value in new.items()}}


def as_label(value: Any) -> Any:
    """A value as Optuna's categories have to be, which are no lists: such a one as JSON."""
    return value if isinstance(value, bool | int | float | str | None) else json.dumps(value)
