"""Every trainable parameter is in one group, at the rate and decay that the recipe gives it."""

import dataclasses

import pytest

from graft.errors import GraftError
from graft.models.classifier import build_classifier
from graft.training.optimization import build_optimizer, parameter_groups
from graft.training.recipe import TrainingRecipe

STATISTICS = {"dataset_mean": (0.4, 0.4, 0.4), "dataset_std": (0.2, 0.2, 0.2)}
RECIPE = TrainingRecipe(learning_rate=0.5, backbone_learning_rate_factor=0.1)


def network(freezing="none"):
    model = build_classifier("resnet20_cifar", ["a", "b"], None, **STATISTICS)
    model.freeze(freezing)
    return model


def by_name(model, groups, what):
    """What each trainable parameter's group says, by the parameter's name."""
    names = {id(parameter): name for name, parameter in model.net.named_parameters()}
    found = [(names[id(p)], group.get(what)) for group in groups for p in group["params"]]
    trainable = {name for name, p in model.net.named_parameters() if p.requires_grad}
    assert len(found) == len(trainable)
    assert {name for name, _ in found} == trainable
    return dict(found)


def test_stages_learn_at_rates_of_their_own_over_the_heads():
    """Trials 16 to 18 of the reports: the last stage a hundredth of the head's rate."""
    model = network(["stage2", "stage3"])
    recipe = dataclasses.replace(RECIPE, stage_learning_rates={"stage3": 0.01})
    rates = by_name(model, build_optimizer(model, recipe).param_groups, "lr")
    expected = {"fc": 0.5, "stage2": 0.05, "stage3": 0.005}
    assert {name: expected[name.split(".")[0]] for name in rates} == pytest.approx(rates)


@pytest.mark.parametrize(
    ("freezing", "stage", "told"),
    [
        ("none", "layer4", "no stage 'layer4'. It trains stem, stage1, stage2, stage3"),
        ("first_3", "stage1", "no stage 'stage1'. It trains stage3"),
        ("all_except_last", "stage1", "It trains the head only, see model.freezing"),
    ],
)
def test_a_rate_for_what_is_not_trained_is_refused(freezing, stage, told):
    recipe = dataclasses.replace(RECIPE, stage_learning_rates={stage: 0.1})
    with pytest.raises(GraftError, match=told):
        parameter_groups(network(freezing), recipe)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_norms_and_biases_may_go_without_decay(optimizer):
    model = network()
    recipe = dataclasses.replace(
        RECIPE, optimizer=optimizer, weight_decay=0.2, weight_decay_on_norms=False
    )
    decays = by_name(model, build_optimizer(model, recipe).param_groups, "weight_decay")
    dimensions = {name: parameter.ndim for name, parameter in model.net.named_parameters()}
    assert {name: 0.2 if dimensions[name] > 1 else 0.0 for name in decays} == decays
    both = dataclasses.replace(recipe, weight_decay_on_norms=True)
    decays = by_name(model, build_optimizer(model, both).param_groups, "weight_decay")
    assert set(decays.values()) == {0.2}


def test_an_unknown_optimizer_lists_the_known_ones():
    with pytest.raises(GraftError, match="sgd, adam, adamw"):
        build_optimizer(network(), dataclasses.replace(RECIPE, optimizer="lion"))
