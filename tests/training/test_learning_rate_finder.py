"""The search leaves everything as it was, and finds the rate where the loss is about to rise."""

import copy
import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graft.errors import GraftError
from graft.images.augmentation import Policy
from graft.images.conversion import to_float
from graft.models.classifier import build_classifier
from graft.pipelines.learning_rate_finder.nodes import suggest
from graft.training.learning_rate_finder import (
    BELOW,
    TOO_HIGH,
    search_learning_rates,
    suggest_learning_rate,
)
from graft.training.recipe import TrainingRecipe

STATISTICS = {"dataset_mean": (0.4, 0.4, 0.4), "dataset_std": (0.2, 0.2, 0.2)}
RECIPE = TrainingRecipe(batch_size=16, backbone_learning_rate_factor=0.5)
RANGE = {"lowest": 1e-4, "highest": 10.0}


def network(freezing="none"):
    model = build_classifier("resnet20_cifar", ["red", "green", "blue"], None, **STATISTICS)
    model.freeze(freezing)
    return model


def search(store, compute, model=None, recipe=RECIPE, policy=None, **changed):
    chosen = {"steps": 30, **RANGE, **changed}
    return search_learning_rates(
        model or network(), store, recipe, policy or Policy(), compute, 0, **chosen
    )


def test_neither_network_nor_other_images_are_touched(store, cpu, monkeypatch):
    seen = []

    def spy(policy, images, indices, seed, epoch):
        seen.extend(indices.tolist())
        return to_float(images)

    monkeypatch.setattr(Policy, "apply", spy)
    model = network("all_except_1")
    before = copy.deepcopy(model.state_dict())
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    search(store, cpu, model)
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())
    assert {name for name, p in model.named_parameters() if p.requires_grad} == trained
    assert all(p.grad is None for p in model.parameters())
    assert set(seen) == set(store.indices("train").tolist())


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_rates_rise_by_one_factor_and_the_loss_falls_and_rises(store, cpu, optimizer):
    found = search(store, cpu, recipe=dataclasses.replace(RECIPE, optimizer=optimizer))
    rates, losses = found["learning_rate"].to_numpy(), found["loss"].to_numpy()
    expected = 1e-4 * (10.0 / 1e-4) ** (np.arange(len(rates)) / 29)
    np.testing.assert_allclose(rates, expected, rtol=1e-6)
    assert list(found["step"]) == [*range(1, len(rates) + 1)]
    best = int(found["smoothed_loss"].argmin())
    assert losses[best] < 0.6 * losses[0]
    suggestion = suggest_learning_rate(found)
    assert suggestion.is_bracketed
    assert suggestion.learning_rate == pytest.approx(rates[best] / BELOW)


def test_it_ends_where_the_loss_has_left_its_range(store, cpu):
    found = search(store, cpu, highest=1e6, steps=40)
    assert len(found) < 40
    losses = found["loss"].to_numpy()
    assert np.isfinite(losses).all()
    means = [losses[: n + 1][-5:].mean() for n in range(len(losses))]
    assert all(mean <= TOO_HIGH * losses[:5].mean() for mean in means[5:-1])


def test_the_first_loss_is_that_of_the_training_itself(store, cpu):
    """Same weights, batch and loss: the one that `test_loop` knows."""
    found = search(store, cpu, steps=20)
    assert found["loss"][0] == pytest.approx(1.26854, rel=1e-3)


def test_numbers_that_are_none_from_the_start_are_an_error(store, cpu):
    model = network()
    torch.nn.init.constant_(model.net.conv1.weight, float("nan"))
    with pytest.raises(GraftError, match=r"first step.*learning_rate_finder\.lowest"):
        search(store, cpu, model)


@given(st.floats(0.05, 0.95), st.floats(0.5, 5.0))
def test_the_suggestion_lies_below_the_bottom_of_any_valley(place, depth):
    logs = np.linspace(-6, 1, 80)
    bottom = logs[0] + place * (logs[-1] - logs[0])
    curve = {"learning_rate": 10**logs, "smoothed_loss": 3 + depth * (logs - bottom) ** 2}
    suggestion = suggest_learning_rate(pd.DataFrame(curve))
    assert suggestion.is_bracketed
    assert np.log10(suggestion.lowest_loss_at) == pytest.approx(bottom, abs=0.05)
    assert suggestion.learning_rate == pytest.approx(suggestion.lowest_loss_at / BELOW)


@pytest.mark.parametrize(("slope", "where"), [(-1.0, "highest"), (1.0, "lowest")])
def test_a_range_without_a_valley_is_told(slope, where, caplog):
    rates = np.logspace(-4, 0, 30)
    curve = pd.DataFrame({"learning_rate": rates, "smoothed_loss": slope * np.log(rates)})
    assert not suggest_learning_rate(curve).is_bracketed
    assert f"learning_rate_finder.{where} and search again" in caplog.text


def test_the_node_gives_plain_numbers_and_a_figure(store, cpu):
    suggestion, figure = suggest(search(store, cpu))
    assert set(suggestion) == {"learning_rate", "lowest_loss_at", "is_bracketed"}
    assert {type(value) for value in suggestion.values()} == {float, bool}
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert f"suggested: {suggestion['learning_rate']:.2g}" in labels
