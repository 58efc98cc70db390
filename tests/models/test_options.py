"""Options: all are remembered, and what a network does not allow is named with its remedy."""

import pytest

from graft.errors import GraftError
from graft.models.backbones import get_backbone
from graft.models.classifier import build_classifier
from graft.models.own import list_own_backbones

STATISTICS = {"dataset_mean": (0.5, 0.5, 0.5), "dataset_std": (0.2, 0.2, 0.2)}


def build(name="ablation_cnn", size=32, **options):
    return build_classifier(name, ["a", "b"], None, **STATISTICS, input_size=size, options=options)


def test_the_defaults_are_remembered_with_what_was_chosen():
    assert build(activation="tanh").options == {
        "normalisation": "batch",
        "activation": "tanh",
        "dropout": 0.5,
    }


@pytest.mark.parametrize("name", list_own_backbones())
def test_every_default_is_allowed(name):
    for option, declared in get_backbone(name).options.items():
        assert declared.allows(declared.default), option


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("activatoin", "relu", r"model\.options\.activatoin: .*did you mean 'activation'"),
        ("colour", 3, r"model\.options\.colour: .*normalisation, activation, dropout"),
        ("activation", "tahn", r"model\.options\.activation: 'tahn'.*did you mean 'tanh'"),
        ("dropout", 1.0, r"model\.options\.dropout: 1\.0 is not a number from 0 to less than 1"),
        ("dropout", True, r"model\.options\.dropout"),
        ("dropout", "0.5", r"model\.options\.dropout"),
    ],
)
def test_what_a_network_does_not_allow_is_named(option, value, says):
    with pytest.raises(GraftError, match=says):
        build(**{option: value})


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("configurable_cnn", "kernel_size", 4),
        ("configurable_cnn", "kernel_size", [3, 3]),
        ("configurable_cnn", "kernel_size", True),
        ("configurable_cnn", "kernel_size", "3"),
        ("configurable_cnn", "base_filters", 0),
        ("configurable_cnn", "base_filters", 32.0),
        ("configurable_cnn", "batch_norm", 1),
        ("alexnet_bn", "batch_norms", 2),
        ("alexnet_bn", "batch_norms", True),
        ("basic_cnn", "kernel_sizes", [3, 3, 3]),
        ("basic_cnn", "kernel_sizes", 3),
        ("fully_connected", "neurons", []),
        ("fully_connected", "neurons", [64, 0]),
    ],
)
def test_values_of_the_wrong_kind_are_refused(name, option, value):
    with pytest.raises(GraftError, match=rf"model\.options\.{option}"):
        build(name, 32, **{option: value})


def test_a_network_without_options_says_so():
    with pytest.raises(GraftError, match=r"model\.options\.activation: resnet18 has no options"):
        build("resnet18", activation="relu")
