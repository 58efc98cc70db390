"""What may be sampled, and what a user is told who asks for something else."""

from __future__ import annotations

from typing import Any

import pytest

from graft.errors import GraftError
from graft.sweeps.space import read_space, require_space, values_of, with_values

from .conftest import parameters


def with_space(space: dict[str, Any], **changes: Any) -> dict[str, Any]:
    base = parameters()
    base["sweep"]["space"] = space
    return with_values(base, changes)


@pytest.mark.parametrize(
    ("space", "told"),
    [
        ({"training.learning_rat": [0.1]}, "did you mean 'learning_rate'"),
        ({"learning_rate": [0.1]}, "did you mean 'training.learning_rate'"),
        ({"training.optimizer": ["adam", "adma"]}, "did you mean 'adam'"),
        ({"training.learning_rate": {"low": -1.0, "high": 1.0}}, "greater than 0"),
        ({"training.learning_rate.x": [1]}, "'learning_rate' is a value and no section"),
        ({"model.options.base_filter": [16]}, "did you mean 'base_filters'"),
        ({"model.options.activation": ["relu", "gellu"]}, "did you mean 'gelu'"),
        ({"images.size": [16, 32]}, "the images are loaded once"),
        ({"augmentation": ["none", "gentle"]}, "augmentation"),
        ({"augmentation": [{"polcy": "none"}]}, "did you mean 'policy'"),
        ({"model.options": [{"activation": "gellu"}]}, "did you mean 'gelu'"),
        ({"model": [{"options": {"base_filter": 16}}]}, "did you mean 'base_filters'"),
        (
            {"model.options.dropout": [0.1], "model": [{"options": {"dropout": 0.2}}]},
            "both 'model.options.dropout' and 'model' set model.options.dropout",
        ),
        ({}, "sweep.space is empty"),
    ],
)
def test_a_wrong_name_or_value_is_told_before_the_first_trial(
    space: dict[str, Any], told: str
) -> None:
    with pytest.raises(GraftError, match=told):
        require_space(with_space(space))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"split.validation": 0.0}, "split.validation"),
        ({"processes.per_host": 2}, "sweep.workers"),
        ({"training.epochs": 0}, "training.epochs is 0"),
    ],
)
def test_what_leaves_nothing_to_compare_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(GraftError, match=told):
        require_space(with_space({"training.batch_size": [32, 64]}, **changes))


@pytest.mark.parametrize(
    ("sweep", "told"),
    [
        ({"storage": "postgresql://me:secret@host/sweeps"}, r"\.pgpass"),
        ({"storage": "mysql://me@host/sweeps"}, "postgresql://"),
        ({"sampler": "grid"}, "lists of values"),
        ({"space": {"training.learning_rate": {"low": 1.0, "high": 0.1}}}, "from low up to high"),
        ({"space": {"training.momentum": {"low": 0.0, "high": 0.9, "log": True}}}, "above 0"),
    ],
)
def test_the_section_is_checked_with_all_others(sweep: dict[str, Any], told: str) -> None:
    with pytest.raises(GraftError, match=told):
        parameters(sweep=sweep)


@pytest.mark.parametrize("experiment", ["N2", "N2_cifar10", "digits_sweep"])
def test_the_presets_can_be_swept(experiment: str) -> None:
    """`folder` stands for the photographs, which a user names."""
    require_space(parameters(experiment, source={"folder": "photographs"}))


def test_values_are_put_where_their_names_say_and_the_base_stays() -> None:
    base = {"training": {"epochs": 3, "milestones": []}, "model": {"options": {}}}
    values = {"training.milestones": [1, 2], "model.options.wide": True}
    changed = with_values(base, values)
    assert changed["training"] == {"epochs": 3, "milestones": [1, 2]}
    assert changed["model"] == {"options": {"wide": True}}
    assert base["training"]["milestones"] == []


def test_a_mapping_goes_into_its_section() -> None:
    """As an experiment goes into the defaults: what it does not name stays."""
    base = {"model": {"backbone": "any", "options": {"dropout": 0.1, "kernels": [3]}}}
    changed = with_values(base, {"model.options": {"kernels": [5]}, "model": {"backbone": "other"}})
    assert changed == {"model": {"backbone": "other", "options": {"dropout": 0.1, "kernels": [5]}}}
    assert base["model"]["options"]["kernels"] == [3]


def test_several_parameters_can_be_sampled_together() -> None:
    together = [{"optimizer": "adam", "epochs": 5}, {"optimizer": "sgd"}]
    space = {"training": together, "training.batch_size": [32, 64], "model": [{"weights": "none"}]}
    require_space(with_space(space))
    assert values_of("training.epochs", read_space(space), 3) == [5, 3]
    assert values_of("training.learning_rate", read_space(space), 0.1) == [0.1]


def test_lists_can_be_sampled_as_well() -> None:
    import optuna

    (policies,) = read_space({"augmentation.policy": ["none", ["horizontal_flip"]]})
    labels = policies.labels
    for place, value in enumerate(("none", ["horizontal_flip"])):
        trial = optuna.trial.FixedTrial({"augmentation.policy": labels[place]})
        assert policies.suggest(trial) == value
