"""The presets of conf/experiments: valid, with networks that can be built, and runnable as told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from graft.config.experiments import Experiment, ExperimentFolder
from graft.config.schema import validate_parameters
from graft.models.classifier import Classifier, build_classifier, count_parameters
from graft.models.heads import Head
from graft.pipeline_registry import register_pipelines
from graft.pipelines.from_parameters import from_random_weights
from graft.training.optimization import require_trainable
from graft.training.recipe import TrainingRecipe

CONF = Path(__file__).parents[2] / "conf"
FOLDER = ExperimentFolder(str(CONF / "experiments"))
# What sweeps have written stands there, too, and is nobody's preset.
PIPELINES = set(register_pipelines())
NAMES = [n for group, names in FOLDER.groups().items() if group != "sweeps" for n in names]

# The rows of the reports' tables; N4 and N12 are figures of the runs of N3 and N5 to N11.
ROWS = {
    *(f"F{n}" for n in range(1, 6)),
    *(f"C{n}" for n in range(1, 18)),
    *(f"V{n}" for n in range(1, 17)),
    *(f"N{n}" for n in range(1, 12) if n != 4),
    *(f"M{n}" for n in range(1, 19)),
    *(f"K{n}" for n in range(1, 13)),
    *(f"T{n}" for n in range(1, 21)),
}
# Of the VOC starter kit's 21 outputs, where the data has 20 classes.
PARAMETERS_WITH_21_OUTPUTS = {"V1": 1_337_941, "V8": 57_092_181}
CLASSES = {"flowers5": 5, "flowers102": 102, "voc2007": 20, "cifar100": 100, "oxford_pets": 37}
CLASSES |= {"food101": 101}
DATA_OF_THE_USER = ("folder", "folder_imagenet", "folder_imagenet_head", "manifest")
MEASURES = {
    *("accuracy", "balanced_accuracy", "macro_f1", "mean_average_precision", "log_loss"),
    *("per_class", "method", "read_from", "parameters", "multiply_accumulates", "seconds"),
}


@pytest.fixture(scope="module")
def lineages() -> dict[str, list[Experiment]]:
    return {name: FOLDER.lineage(name) for name in NAMES}


@pytest.fixture(scope="module")
def presets(lineages: dict[str, list[Experiment]]) -> dict[str, Experiment]:
    return {name: lineage[-1] for name, lineage in lineages.items()}


@pytest.fixture(scope="module")
def parameters(lineages: dict[str, list[Experiment]]) -> dict[str, dict[str, Any]]:
    """All of each preset's parameters, checked by the schema."""
    base = OmegaConf.merge(*map(OmegaConf.load, sorted(CONF.glob("base/parameters*.yml"))))
    return {name: valid(base, lineage) for name, lineage in lineages.items()}


def valid(base: Any, lineage: list[Experiment]) -> dict[str, Any]:
    merged: Any = OmegaConf.merge(base, *(member.overrides for member in lineage))
    content: Any = OmegaConf.to_container(merged, resolve=True)
    return validate_parameters(content, {})


def test_every_row_of_the_reports_has_a_preset(presets):
    assert sorted(ROWS - set(presets)) == []


def test_every_preset_is_valid(parameters):
    assert set(parameters) == set(NAMES)


def test_the_first_line_launches_the_preset(presets):
    for name, preset in presets.items():
        first = preset.commands.splitlines()[0].split()
        assert first[:2] == ["kedro", "run"], preset.file
        if name != "digits":  # the defaults: named by nobody
            assert first[first.index("-x") + 1] == name, preset.file
        chosen = next(a for a in first if a.startswith(("--pipeline=", "--pipelines=")))
        named = chosen.partition("=")[2].split(",")
        assert set(named) <= PIPELINES, preset.file
        if len(named) == 1:  # then `-x` alone does the same
            assert named == [preset.pipeline], preset.file


def test_pipelines_are_known(presets):
    for preset in presets.values():
        assert preset.pipeline in PIPELINES, preset.file


def test_reported_figures_have_the_names_of_measures(presets):
    for preset in presets.values():
        assert set(preset.reported) <= MEASURES, preset.file


def test_a_report_of_all_classes_agrees_with_itself(presets):
    for name in ("C15", "C16"):
        classes = presets[name].reported["per_class"]
        assert len(classes) == 10
        assert sum(classes) / 10 == pytest.approx(presets[name].reported["accuracy"], abs=5e-5)


def test_an_override_changes_something(lineages):
    """A preset that repeats what it extends is an old one, or a mistake; the best of each apart."""
    repeated = {"C4", "C7", "C10", "C13"}  # of C3, as the report has it
    repeated |= {"V10"}  # of its base
    for name, lineage in lineages.items():
        *before, last = lineage
        merged = OmegaConf.merge(*(member.overrides for member in before)) if before else {}
        if name in ROWS - repeated:
            assert OmegaConf.merge(merged, last.overrides) != merged, last.file


def test_a_row_of_cifar10_says_which_network(parameters):
    """Not the default one by oversight."""
    for name in ROWS:
        assert parameters[name]["model"]["backbone"] != "resnet20_cifar", name


@pytest.fixture(scope="module")
def networks(parameters: dict[str, dict[str, Any]]) -> dict[str, Classifier]:
    """The network of each preset: its shapes, without the memory of weights. Alike ones are one."""
    built: dict[str, Classifier] = {}
    found: dict[str, Classifier] = {}
    for name, settings in parameters.items():
        if name in DATA_OF_THE_USER:
            continue
        classes = CLASSES.get(settings["source"]["name"], 10)
        decisive = ("backbone", "options", "input_size", "head_hidden")
        key = str([settings["model"][key] for key in decisive]) + str(classes)
        if key not in built:
            built[key] = on_meta(settings["model"], classes)
        found[name] = built[key]
    return found


def on_meta(model: Mapping[str, Any], classes: int) -> Classifier:
    with torch.device("meta"):
        return build_classifier(
            model["backbone"],
            [str(number) for number in range(classes)],
            None,
            dataset_mean=[0.5] * 3,
            dataset_std=[0.25] * 3,
            input_size=model["input_size"],
            options=model["options"],
            head=Head(model["head_hidden"], model["head_dropout"]),
        )


def test_networks_take_the_images_that_they_are_given(networks, parameters):
    """Those that are not made for one size take any; of them AlexNet does not take small ones."""
    seen = set()
    for name, network in networks.items():
        size = parameters[name]["images"]["size"]
        of_any_size = network.spec.sizes == "any" and not network.spec.name.startswith("alexnet")
        if (id(network), size) not in seen and not of_any_size:
            images = torch.zeros(2, 3, size, size, dtype=torch.uint8, device="meta")
            assert network.eval()(images).shape == (2, len(network.class_names)), name
        seen.add((id(network), size))


def test_networks_have_the_reported_numbers_of_parameters(networks, presets, parameters):
    stated = {n: p.reported["parameters"] for n, p in presets.items() if "parameters" in p.reported}
    assert {"F1", "F2", "C1", "C5", "C13", "N1"} <= set(stated)
    for name, number in stated.items():
        assert count_parameters(networks[name]) == number, name
    for name, number in PARAMETERS_WITH_21_OUTPUTS.items():
        assert count_parameters(on_meta(parameters[name]["model"], 21)) == number, name


def test_freezing_and_recipes_fit_the_networks(networks, parameters):
    """Stages to train, rates and unfreezing of stages that there are."""
    for name, network in networks.items():
        model, training = parameters[name]["model"], parameters[name]["training"]
        pretrained = model["weights"] != "none"
        if not pretrained:
            model, training = from_random_weights(model, training)
        network.freeze(model["freezing"])
        require_trainable(network, TrainingRecipe(**training), is_pretrained=pretrained)


def test_rates_are_what_the_report_says(networks, parameters):
    """T10: 0.01 of the head and 0.0001 of layer4; T12 a tenth of both, T13 ten times both."""
    expected = {"T4": (1e-2, 1e-4), "T10": (1e-2, 1e-4), "T12": (1e-3, 1e-5), "T13": (1e-1, 1e-3)}
    expected |= {"T16": (1e-1, 1e-3), "T17": (1e-2, 1e-3), "T18": (1e-3, 1e-4)}
    for name, (head, layer4) in expected.items():
        training = parameters[name]["training"]
        rate = training["learning_rate"]
        found = (rate, rate * training["stage_learning_rates"]["layer4"])
        assert found == pytest.approx((head, layer4)), name


def test_test_images_choose_nothing(parameters):
    """Where the best epoch counts, validation images say which it is."""
    for name in ROWS - {"C14"}:
        assert parameters[name]["split"]["validation"] > 0, name
