"""Strategies freeze what their names say, and nothing else."""

import pytest
import torch

from graft.errors import GraftError
from graft.models.backbones import get_backbone
from graft.models.classifier import Classifier
from graft.models.freezing import is_strategy, trainable_stages

STAGES = ("stem", "layer1", "layer2", "layer3", "layer4")


@pytest.mark.parametrize(
    ("strategy", "trained"),
    [
        ("none", set(STAGES)),
        ("all_except_last", set()),
        ("first_1", {"layer1", "layer2", "layer3", "layer4"}),
        ("first_4", {"layer4"}),
        ("first_5", set()),
        ("all_except_1", {"layer4"}),
        ("all_except_2", {"layer3", "layer4"}),
        ("all_except_5", set(STAGES)),
        (["layer4", "stem"], {"layer4", "stem"}),
    ],
)
def test_stages_are_counted_from_the_right_end(strategy, trained):
    assert trainable_stages(strategy, STAGES, "resnet50") == trained
    with torch.device("meta"):
        spec = get_backbone("resnet50")
        model = Classifier(spec.build(2), spec, ["a", "b"], spec.mean, spec.std)
    model.freeze(strategy)
    assert {name for name in STAGES if list(model.stage_parameters(name))} == trained
    assert all(parameter.requires_grad for parameter in model.head.parameters())
    training = {name for name in STAGES[1:] if model.train().net.get_submodule(name).training}
    assert training == trained - {"stem"}


def test_more_stages_than_there_are_is_an_error_that_lists_them():
    with pytest.raises(GraftError, match=r"'first_6' counts more .* 5: stem, layer1"):
        trainable_stages("first_6", STAGES, "resnet50")


@pytest.mark.parametrize("name", ["first_0", "first_k", "first", "last_2", "all_except_-1", ""])
def test_what_is_no_strategy_is_told_what_is_one(name):
    assert not is_strategy(name)
    with pytest.raises(GraftError, match=r"first_<k>, all_except_<k> .* stem, layer1"):
        trainable_stages(name, STAGES, "resnet50")
