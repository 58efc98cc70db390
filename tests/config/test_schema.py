"""What the schema refuses, and what it says then."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from graft.config.problems import ConfigError
from graft.config.schema import validate_parameters


@pytest.fixture
def parameters(load, conf) -> dict[str, Any]:
    return load(conf)["parameters"]


def refusal(parameters: dict[str, Any], **changes: Any) -> str:
    """What is said of the parameters with dotted keys (dots written as __) changed."""
    changed = copy.deepcopy(parameters)
    for key, value in changes.items():
        *sections, name = key.split("__")
        section = changed
        for part in sections:
            section = section[part]
        section[name] = value
    with pytest.raises(ConfigError) as caught:
        validate_parameters(changed, {})
    return str(caught.value)


def test_valid_parameters_come_back_unchanged(parameters):
    assert validate_parameters(parameters, {}) == parameters


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("training__epochs", "3"),
        ("training__epochs", 3.0),
        ("training__epochs", True),
        ("training__nesterov", 1),
        ("training__learning_rate", "0.1"),
        ("training__learning_rate", 0),
        ("training__learning_rate", float("nan")),
        ("training__ema_decay", 1.0),
        ("split__test", 1.0),
        ("split__validation", -0.1),
        ("split__shots", 0),
        ("images__size", 0),
        ("images__duplicates", None),
        ("images__duplicates", "keep"),
        ("augmentation__policy", 3),
        ("augmentation__policy", ["horizontal_flop"]),
        ("augmentation__policy", [{"random_crop": {"padding": -1}}]),
        ("augmentation__mixup", -0.1),
        ("augmentation__cutmix", float("inf")),
        ("features__taps", []),
        ("features__taps", "stage3"),
        ("svm__gamma", -1.0),
        ("svm__gamma", "scaled"),
        ("model__freezing", []),
        ("model__freezing", "first_0"),
        ("model__freezing", "first_k"),
        ("model__freezing", 2),
        ("training__micro_batch_size", 0),
        ("training__gradient_clipping", 0.0),
        ("training__stage_learning_rates", ["layer4"]),
        ("training__unfreezing", {0: "none"}),
        ("training__unfreezing", {3: "all"}),
        ("training__unfreezing", {3: []}),
        ("training__l2_sp", 0.0),
        ("scratch__unfreezing", {}),
        ("scratch__l2_sp", 0.1),
        ("model__lora_rank", 0),
        ("learning_rate_finder__lowest", 100.0),
        ("training__warm_up_epochs", -1),
        ("training__milestones", 5),
        ("training__step_factor", 1.5),
        ("compute__threads", 0),
        ("compute__threads", "2"),
        ("compute__device", "gpu"),
        ("processes__per_host", 0),
        ("processes__timeout", 0),
        ("evaluation__confidence", 1.0),
        ("scratch__epochs", "3"),
        ("seed", -1),
        ("training", None),
    ],
)
def test_wrong_types_and_ranges_are_refused(parameters, key, value):
    message = refusal(parameters, **{key: value})
    assert message.startswith("1 problem in the parameters:")
    assert f"  {key.replace('__', '.')} = " in message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("svm__gamma", 0.5),
        ("svm__gamma", "auto"),
        ("model__freezing", ["stage3", "head"]),
        ("model__freezing", "first_2"),
        ("model__freezing", "all_except_12"),
        ("training__stage_learning_rates", {"layer4": 0.1, "layer3": 0}),
        ("training__unfreezing", {1: "all_except_1", 3: ["layer3", "layer4"]}),
        ("training__milestones", [30, 60]),
        ("training__warm_up_epochs", 0.5),
        ("training__gradient_clipping", 1.0),
        ("compute__threads", 2),
        ("images__duplicates", "drop"),
        ("images__duplicates", "group"),
        ("compute__device", "cuda:3"),
        ("augmentation__policy", "none"),
        ("augmentation__policy", []),
        ("augmentation__policy", ["horizontal_flip", {"random_crop": {"padding": 4}}]),
        ("training__learning_rate", 1),
        ("training__epochs", 0),
        ("scratch__early_stopping_patience", None),
    ],
)
def test_each_member_of_a_choice_is_accepted(parameters, key, value):
    section, name = key.split("__")
    parameters[section][name] = value
    assert validate_parameters(parameters, {})[section][name] == value


@pytest.mark.parametrize(
    ("key", "value", "suggestion"),
    [
        ("training__learnig_rate", 0.1, "learning_rate"),
        ("scratch__epoch", 1, "epochs"),
        ("trainig", {}, "training"),
        ("learning_rate", 0.1, "training.learning_rate"),
        ("training__optimizer", "adm", "adam"),
        ("model__freezing", "al_except_last", "all_except_last"),
        ("model__freezing", "fist_2", "first_2"),
        ("training__schedule", "multistep", "multi_step"),
        ("augmentation__policy", "flip_corp", "flip_crop"),
        ("augmentation__policy", ["horizontal_flop"], "horizontal_flip"),
        ("augmentation__policy", [{"random_crop": {"pading": 4}}], "padding"),
        ("source__name", "digit", "digits"),
    ],
)
def test_a_misspelling_gets_the_nearest_word(parameters, key, value, suggestion):
    assert f"did you mean '{suggestion}'?" in refusal(parameters, **{key: value})


def test_a_strategy_of_freezing_is_told_in_full(parameters):
    assert (
        refusal(parameters, model__freezing="last_3")
        .splitlines()[-1]
        .startswith(
            "      should be one of 'none', 'all_except_last', 'first_2', 'all_except_2', with any "
            "number, or a list of the stages to train"
        )
    )


def test_a_wrong_field_of_an_operation_is_named_once(parameters):
    message = refusal(parameters, augmentation__policy=[{"rotation": {"degrees": 200}}])
    assert message.splitlines()[-1] == (
        "      rotation.degrees is 200; it should be a number from 0 to 180."
    )


def test_null_is_no_misspelling(parameters):
    assert "did you mean" not in refusal(parameters, training__schedule=None)


def test_a_missing_key_is_named(parameters):
    del parameters["training"]["epochs"]
    assert "  training.epochs\n      is missing" in refusal(parameters)


def test_a_dotted_key_is_told_to_be_nested(parameters):
    parameters["training.epochs"] = 3  # as one may write in a notebook
    with pytest.raises(ConfigError, match=r"write \{section: \{name: value\}\}"):
        validate_parameters(parameters, {})


def test_all_problems_are_listed_at_once(parameters):
    message = refusal(parameters, seed=-1, training__epochs="x", svm__kernel="rfb")
    assert message.startswith("3 problems")


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({"split__shots": 5, "split__train_size": 50}, ["split.shots", "split.train_size"]),
        (
            {"training__early_stopping_patience": 3, "split__validation": 0.0},
            ["training.early_stopping_patience", "split.validation"],
        ),
        (
            {"scratch__early_stopping_patience": 3, "split__validation": 0.0},
            ["scratch.early_stopping_patience", "split.validation"],
        ),
        ({"training__schedule": "multi_step"}, ["training.milestones"]),
        (
            {"prediction__submission__label_column": "id"},
            ["prediction.submission.id_column", "prediction.submission.label_column"],
        ),
    ],
)
def test_values_that_exclude_each_other_are_named_together(parameters, changes, keys):
    message = refusal(parameters, **changes)
    assert message.startswith("1 problem in")
    assert [line.split(" = ")[0].strip() for line in message.splitlines() if " = " in line] == keys


def test_the_options_of_a_source_are_its_own(parameters):
    voc = {"source__name": "voc2007", "source__options": {"difficult": "count"}}
    changed = copy.deepcopy(parameters)
    changed["source"] |= {"name": "voc2007", "options": {"difficult": "count"}}
    assert validate_parameters(changed, {}) == changed
    message = refusal(parameters, **{**voc, "source__name": "digits"})
    assert '  source.options.difficult = "count"' in message.splitlines()
    assert "the source 'digits' has no options" in message


def test_all_wrong_options_are_listed_with_what_they_may_be(parameters):
    message = refusal(
        parameters,
        source__name="manifest",
        source__folder="labels.csv",
        source__options={"lable": "kind", "path": 0.5, "root": "images"},
    )
    assert message.startswith("2 problems in")
    assert '  source.options.lable = "kind"\n      is no option of the source' in message
    assert "did you mean 'label'?" in message
    assert "  source.options.path = 0.5\n      should be text" in message
    assert "source.options.root" not in message
