"""Where a run's parameters differ, and the command that makes it again."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from graft.config.changes import list_changes
from graft.tracking.repeating import how_to_repeat


def row(key: str, value: Any, default: Any, preset: Any) -> dict[str, Any]:
    return {"key": key, "value": value, "default": default, "preset": preset}


def test_what_is_as_the_files_say_is_no_change() -> None:
    parameters = {"experiment": "other", "seed": 0, "training": {"epochs": 8}, "methods": ["a"]}
    written = {**parameters, "experiment": "digits", "methods": "a"}
    assert list_changes(parameters, written, written) == []
    (other,) = list_changes({**parameters, "methods": ["b"]}, written, {**written, "methods": "b"})
    assert other == row("methods", ["b"], "a", ["b"])


def test_changes_to_the_defaults_and_to_the_experiment_are_told_apart() -> None:
    defaults = {"training": {"epochs": 8, "rate": 0.1}, "source": {"options": {}}, "seed": 0}
    preset = {"training": {"epochs": 3, "rate": 0.1}, "source": {"options": {}}, "seed": 0}
    run = {"training": {"epochs": 3, "rate": 0.2}, "source": {"options": {"a": 1}}, "seed": 0}
    assert list_changes(run, defaults, preset) == [
        row("training.epochs", 3, 8, 3),
        row("training.rate", 0.2, 0.1, 0.1),
        row("source.options.a", 1, None, None),
    ]
    back = list_changes(defaults, defaults, preset)
    assert back == [row("training.epochs", 8, 8, 3)]


def test_the_loader_offers_the_changes(load: Any, conf: Any) -> None:
    assert load(conf)["globals"]["changes"] == []
    (conf / "experiments/other.yml").write_text("_description: Other\ntraining: {epochs: 3}\n")
    (conf / "local/parameters.yml").write_text("seed: 7\n")
    changed = load(conf, experiment="other")["globals"]["changes"]
    assert changed == [row("seed", 7, 0, 0), row("training.epochs", 3, 8, 3)]


def test_a_run_of_an_experiment_alone_needs_its_name_alone() -> None:
    changes = [row("training.epochs", 3, 8, 3)]
    command, file = how_to_repeat("transfer_learning", "quick", changes)
    assert (command, file) == ("kedro run --pipeline=transfer_learning -x quick", "")


def test_other_values_are_typed_so_that_they_come_back_as_they_were() -> None:
    changes = [
        row("seed", 1, 0, 0),
        row("split.shots", None, None, 10),
        row("source.folder", "007", None, None),
    ]
    command, _ = how_to_repeat("report", "digits", changes)
    wanted = 'seed=1,split.shots=null,source.folder="007"'
    assert command == f"kedro run --pipeline=report -x digits --params='{wanted}'"


@pytest.mark.parametrize("value", [["stage1", "stage2"], "a, b"])
def test_what_a_command_line_cannot_carry_goes_into_an_experiment_file(value: Any) -> None:
    changes = [row("seed", 1, 0, 0), row("features.taps", value, ["pooled"], ["pooled"])]
    command, file = how_to_repeat("transfer_learning", "digits", changes)
    assert command == "kedro run --pipeline=transfer_learning -x digits_again"
    assert file.startswith("# conf/experiments/digits_again.yml\n")
    content = yaml.safe_load(file)
    assert content.pop("_description")
    assert content == {"_extends": "digits", "seed": 1, "features": {"taps": value}}


@given(st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans(), st.none()))
def test_numbers_on_the_command_line_are_read_back_as_they_were(value: Any) -> None:
    command, _ = how_to_repeat("any", "digits", [row("a.b", value, "other", "other")])
    written = command.rpartition("a.b=")[2].strip("'")
    read = yaml.safe_load(written)
    assert read == value or float(read) == value  # YAML reads 1e16 as a text; Kedro's reader too
