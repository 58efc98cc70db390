"""What is validated has the batch-norm statistics of its own weights."""

import dataclasses

import pytest
import torch
from torch import nn

from graft.datasets.training_state import StateFolder
from graft.images.augmentation import policy_from_parameters
from graft.images.conversion import to_float
from graft.models.classifier import build_classifier
from graft.training import batch_norm
from graft.training.batch_norm import settle_batch_norms
from graft.training.batches import Batches
from graft.training.recipe import TrainingRecipe
from graft.training.session import train_classifier
from graft.training.views import TrainingViews

from .test_resume import Killer, Stop, assert_same

POLICY = policy_from_parameters({"policy": "none", "mixup": 0.0, "cutmix": 0.0})
RECIPE = TrainingRecipe(epochs=2, batch_size=16, schedule="constant", learning_rate=0.02)


def build(store, freezing="none"):
    model = build_classifier(
        "resnet20_cifar",
        store.class_names,
        None,
        dataset_mean=(0.4, 0.4, 0.4),
        dataset_std=(0.2, 0.2, 0.2),
    )
    model.freeze(freezing)
    return model


def train(store, cpu, recipe=RECIPE, **chosen):
    return train_classifier(build(store), store, recipe, POLICY, cpu, 0, **chosen)


def views(store, cpu, batch_size):
    batches = Batches(store, "train", batch_size, cpu)
    return TrainingViews(batches, POLICY, 0, store.num_classes)


def settle(model, store, cpu, batch_size=48, **changes):
    recipe = dataclasses.replace(RECIPE, **changes)
    settle_batch_norms(model, views(store, cpu, batch_size), 1, recipe, cpu)


def buffers(model):
    return {name: buffer.clone() for name, buffer in model.net.named_buffers()}


@pytest.mark.parametrize("batch_size", [48, 16])
def test_statistics_are_those_of_the_weights(store, cpu, batch_size):
    model = build(store)
    model.net.bn1.running_mean.fill_(7.0)
    seen = []
    handle = model.net.bn1.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    settle(model, store, cpu, batch_size)
    handle.remove()
    assert sum(map(len, seen)) == 48
    mean = torch.stack([part.mean((0, 2, 3)) for part in seen]).mean(0)
    variance = torch.stack([part.var((0, 2, 3)) for part in seen]).mean(0)
    torch.testing.assert_close(model.net.bn1.running_mean, mean)
    torch.testing.assert_close(model.net.bn1.running_var, variance)
    assert not model.training
    assert {norm.momentum for norm in model.modules() if isinstance(norm, nn.BatchNorm2d)} == {0.1}


def test_what_is_frozen_keeps_its_own(store, cpu):
    model = build(store, "first_2")
    before = buffers(model)
    settle(model, store, cpu)
    changed = {
        name.split(".")[0] for name, buffer in buffers(model).items()
        if not torch.equal(buffer, before[name])
    }  # fmt: skip
    assert changed == {"stage2", "stage3"}


@pytest.mark.parametrize(
    ("statistics", "schedule", "epochs", "changes"),
    [
        ("auto", "constant", 300, True),
        ("auto", "step", 300, True),
        ("auto", "one_cycle", 300, False),
        ("auto", "one_cycle", 299, True),
        ("auto", "cosine", 300, False),
        ("precise", "cosine", 300, True),
        ("running", "constant", 2, False),
    ],
)
def test_it_is_done_where_averages_trail_or_it_is_asked_for(
    store, cpu, statistics, schedule, epochs, changes
):
    """There is one batch an epoch here, so one step."""
    model = build(store)
    before = buffers(model)
    settle(model, store, cpu, batch_norm_statistics=statistics, schedule=schedule, epochs=epochs)
    same = all(torch.equal(buffer, before[name]) for name, buffer in buffers(model).items())
    assert same != changes


def test_no_more_images_are_asked_than_it_takes(store, cpu, monkeypatch):
    monkeypatch.setattr(batch_norm, "IMAGES", 20)
    model, seen = build(store), []
    model.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    settle(model, store, cpu, batch_size=16)
    assert seen == [16, 16]


def test_no_more_images_at_once_are_asked_than_in_a_step(store, cpu, monkeypatch):
    sizes = []

    def look(module, inputs):
        if module.bn1.momentum is None:
            sizes.append(len(inputs[0]))

    for recipe in (RECIPE, dataclasses.replace(RECIPE, micro_batch_size=6)):
        model = build(store)
        model.net.register_forward_pre_hook(look)
        train_classifier(model, store, recipe, POLICY, cpu, 0)
    assert sizes == [16] * 3 * 2 + [6, 5, 5] * 3 * 2


def test_a_compiler_is_not_bothered(store, cpu):
    model, programs = build(store), []
    model.net.compile(backend=lambda graph, _: programs.append(graph) or graph.forward)
    settle(model, store, cpu)
    assert not programs


def test_it_draws_no_random_numbers(store, cpu):
    model = build(store)
    model.net.pool = nn.Sequential(model.net.pool, nn.Dropout(0.5))
    before = torch.get_rng_state()
    settle(model, store, cpu)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_kept_weights_have_them(store, cpu):
    """Validation sees a network whose statistics are those of all training images."""
    recipe = dataclasses.replace(RECIPE, batch_size=48)
    best = train(store, cpu, recipe).last.weights
    model = build(store)
    model.net.load_state_dict(best)
    (batch,) = Batches(store, "train", 48, cpu).in_order()
    seen = []
    model.net.bn1.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        model.eval()(to_float(batch.images))
    torch.testing.assert_close(best["bn1.running_mean"], seen[0].mean((0, 2, 3)))


def test_a_training_goes_on_to_the_same_bits(store, cpu, tmp_path):
    recipe = dataclasses.replace(RECIPE, checkpoint_seconds=0.0, resume="auto", ema_decay=0.8)
    whole = train(store, cpu, recipe)
    with pytest.raises(Stop):
        train(store, cpu, recipe, observers=[Killer(4)], keeper=StateFolder(tmp_path))
    assert_same(whole, train(store, cpu, recipe, keeper=StateFolder(tmp_path)))
