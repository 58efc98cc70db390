"""The best trial as an experiment: run alone, it is what the trial was."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from graft.config.loader import GraftConfigLoader
from graft.datasets import ExperimentFileDataset
from graft.pipelines.sweep.nodes import choose_best
from graft.sweeps.space import as_label, with_values
from graft.tracking.run_record import fingerprint

from .conftest import ROOT, loader


def best_of(space: dict[str, list[Any]], sweep: GraftConfigLoader) -> tuple[dict[str, Any], str]:
    """What a sweep leaves of two trials: the first value of each parameter is the better one."""
    trials = [
        {"number": place, "state": "complete", "value": 0.8123 - place / 2, "seeds": 2}
        | {key: as_label(choices[place]) for key, choices in space.items()}
        for place in (0, 1)
    ]
    parameters, changes = sweep["parameters"], sweep["globals"]["changes"]
    told = {"experiment": "digits_sweep", "parameters": parameters, "changes": changes}
    return choose_best(pd.DataFrame(trials), {"measure": "accuracy", "space": space}, told)


def alone(text: str, folder: Path, **changes: Any) -> dict[str, Any]:
    """The parameters of `kedro run -x digits_sweep_best`."""
    conf = Path(shutil.copytree(ROOT / "conf", folder / "conf"))
    file = conf / "experiments/sweeps/digits_sweep_best.yml"
    dataset = ExperimentFileDataset(filepath=str(file))
    dataset.save("to be replaced")
    dataset.save(text)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    return dict(loader("digits_sweep_best", conf, **changes)["parameters"])


SPACE: dict[str, list[Any]] = {
    "training.learning_rate": [0.01, 0.2],
    "model.options.activation": ["gelu", "relu"],
}


def test_the_file_tells_what_was_found_and_how_to_run_it() -> None:
    figures, text = best_of(SPACE, loader("digits_sweep"))
    assert figures["accuracy"] == {"value": 0.8123}
    assert (figures["complete"]["value"], figures["failed"]["value"]) == (2, 0)
    assert text.startswith("# kedro run --pipeline=single_network -x digits_sweep_best\n")
    content = yaml.safe_load(text)
    assert (content["_pipeline"], content["_extends"]) == ("single_network", "digits_sweep")
    assert content["training"] == {"learning_rate": 0.01}
    assert content["model"] == {"options": {"activation": "gelu"}}


@pytest.mark.parametrize(
    ("given", "space"),
    [
        ({}, SPACE),
        ({"split": {"train_size": 200}, "training": {"epochs": 2, "learning_rate": 0.3}}, SPACE),
        ({"model": {"backbone": "basic_cnn", "options": {}}}, {"augmentation.mixup": [0.1, 0.2]}),
        ({"training": {"unfreezing": {2: "none"}, "stage_learning_rates": {"a.b": 0.1}}}, SPACE),
        ({}, {"model.options": [{"activation": "gelu", "dropout": 0.2}, {}]}),
        ({}, {"augmentation": [{"mixup": 0.2}, {"policy": "gentle"}], "model": [{}, {}]}),
    ],
)
def test_run_alone_it_is_the_best_trial(
    given: dict[str, Any], space: dict[str, list[Any]], tmp_path: Path
) -> None:
    """Whatever the sweep was told besides its experiment."""
    sweep = loader("digits_sweep", **given, seed=3)
    trial = with_values(sweep["parameters"], {key: choices[0] for key, choices in space.items()})
    _, text = best_of(space, sweep)
    found = alone(text, tmp_path)
    assert fingerprint("single_network", found) == fingerprint("single_network", trial)
    assert found["seed"] == 3


def test_what_suits_the_machine_stands_in_the_command_alone(tmp_path: Path) -> None:
    sweep = loader(
        "digits_sweep",
        source={"folder": "/photographs"},
        compute={"device": "cpu", "threads": 1},
        training={"resume": "auto", "micro_batch_size": 16},
        sweep={"trials": 2},
        evaluation={"confidence": 0.9},
    )
    _, text = best_of({**SPACE, "training.micro_batch_size": [8, 4]}, sweep)
    command, *_ = text.splitlines()
    assert command.endswith("_best --params=source.folder=/photographs,compute.device=cpu")
    found = alone(text, tmp_path)
    assert found["training"]["micro_batch_size"] == 8
    default = loader("digits_sweep")["parameters"]
    untouched = ("source", "compute", "sweep", "evaluation")
    assert {key: found[key] for key in untouched} == {key: default[key] for key in untouched}
    assert found["training"]["resume"] == "never"


def test_a_folder_that_fits_no_command_stands_in_the_file(tmp_path: Path) -> None:
    _, text = best_of(SPACE, loader("digits_sweep", source={"folder": "/a, b"}))
    assert text.startswith("# kedro run --pipeline=single_network -x digits_sweep_best\n")
    assert alone(text, tmp_path)["source"]["folder"] == "/a, b"
