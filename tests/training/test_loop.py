"""The loop: exact, repeatable, and free of the silent bugs that the reports fell into."""

import dataclasses

import pytest
import torch

from graft.errors import GraftError
from graft.images.augment import AugmentationPolicy
from graft.models.classifier import build_classifier
from graft.models.weights import BackboneWeights
from graft.training.batches import Batches
from graft.training.loop import evaluate, fit
from graft.training.optimization import learning_rate_factor
from graft.training.recipe import TrainingRecipe

RECIPE = TrainingRecipe(epochs=3, batch_size=16, learning_rate=0.05, schedule="constant")
STATISTICS = {"dataset_mean": (0.4, 0.4, 0.4), "dataset_std": (0.2, 0.2, 0.2)}


def train(
    store, cpu, recipe=RECIPE, policy=None, seed=0, observers=(), validate=True, freeze="none"
):
    model = build_classifier("resnet20_cifar", store.class_names, None, **STATISTICS, seed=seed)
    model.freeze(freeze)
    validation = Batches(store, "validation", 64, cpu) if validate else None
    batches = Batches(store, "train", recipe.batch_size, cpu)
    policy = policy or AugmentationPolicy(crop_padding=1, horizontal_flip=True)
    return model, fit(model, batches, validation, recipe, policy, cpu, seed, observers)


def test_a_seed_gives_the_same_weights_to_the_bit(store, cpu):
    _, first = train(store, cpu)
    _, second = train(store, cpu)
    _, other = train(store, cpu, seed=1)
    assert all(torch.equal(v, second.last_state[k]) for k, v in first.last_state.items())
    assert not torch.equal(first.last_state["fc.weight"], other.last_state["fc.weight"])


def test_it_is_plain_sgd(store, cpu):
    """The loop's weights equal those of the textbook's five lines."""
    recipe = dataclasses.replace(RECIPE, epochs=2, backbone_learning_rate_factor=1.0)
    model = build_classifier("resnet20_cifar", store.class_names, None, **STATISTICS)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    model.to(memory_format=torch.channels_last).train()
    batches = Batches(store, "train", 16, cpu)
    for epoch in (1, 2):
        for batch in batches.shuffled(0, epoch):
            loss = torch.nn.functional.cross_entropy(model(batch.images), batch.labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    _, result = train(store, cpu, recipe, AugmentationPolicy())
    for key, value in model.net.state_dict().items():
        torch.testing.assert_close(result.last_state[key], value, rtol=2e-4, atol=2e-5)


def test_it_learns(store, cpu):
    recipe = dataclasses.replace(RECIPE, epochs=8)
    model, result = train(store, cpu, recipe, AugmentationPolicy())
    assert result.history[-1].train_loss < 0.5 * result.history[0].train_loss
    assert evaluate(model, Batches(store, "test", 64, cpu), cpu)[1] > 0.8


def test_the_best_weights_are_a_copy_and_not_the_last_ones(store, cpu, monkeypatch):
    """Report 003 kept an alias of the state dict: its "best" weights were always the last."""
    import graft.training.loop as loop

    validations = iter([(1.0, 0.5), (0.5, 0.9), (2.0, 0.9)])
    monkeypatch.setattr(loop, "evaluate", lambda *_: next(validations))
    _, result = train(store, cpu)
    assert result.best_epoch == 2, "of equal accuracies, the one with the lower loss"
    _, two_epochs = train(store, cpu, dataclasses.replace(RECIPE, epochs=2), validate=False)
    for key, value in result.best_state.items():
        assert torch.equal(value, two_epochs.last_state[key])
    assert not torch.equal(result.best_state["fc.weight"], result.last_state["fc.weight"])


def test_validation_images_are_never_augmented(store, cpu, monkeypatch):
    """Report 003 augmented them."""
    import graft.training.loop as loop

    seen = []

    def spy(images, indices, policy, seed, epoch):
        seen.extend(indices.tolist())
        return images

    monkeypatch.setattr(loop, "augment", spy)
    train(store, cpu)
    assert set(seen) == set(store.indices("train").tolist())


def test_without_validation_the_last_epoch_counts(store, cpu):
    _, result = train(store, cpu, validate=False)
    assert result.best_epoch == 3
    assert all(torch.equal(v, result.last_state[k]) for k, v in result.best_state.items())
    assert result.history[0].validation_accuracy is None
    assert "validation_accuracy" not in result.history[0].as_dict()


def test_early_stopping_waits_for_its_patience(store, cpu):
    still = dataclasses.replace(
        RECIPE, epochs=20, learning_rate=1e-9, early_stopping_patience=2, momentum=0.0
    )
    _, result = train(store, cpu, still, freeze="all_except_last")
    assert len(result.history) < 20
    assert len(result.history) == result.best_epoch + 2


def test_zero_epochs_leave_the_network_as_it_was(store, cpu):
    _, result = train(store, cpu, dataclasses.replace(RECIPE, epochs=0))
    fresh = build_classifier("resnet20_cifar", store.class_names, None, **STATISTICS)
    assert result.history == ()
    assert result.best_epoch == 0
    assert all(torch.equal(v, result.best_state[k]) for k, v in fresh.net.state_dict().items())


def test_divergence_is_an_error_that_names_the_learning_rate(store, cpu):
    with pytest.raises(GraftError, match="learning_rate"):
        train(store, cpu, dataclasses.replace(RECIPE, learning_rate=1e20))


def test_the_moving_average_is_what_is_kept(store, cpu):
    model, result = train(store, cpu, dataclasses.replace(RECIPE, ema_decay=0.9), validate=False)
    assert not torch.equal(model.net.fc.weight, result.last_state["fc.weight"])


def test_backbone_and_head_learn_at_their_own_rates(store, cpu):
    frozen_like = dataclasses.replace(RECIPE, backbone_learning_rate_factor=0.0, epochs=1)
    _, result = train(store, cpu, frozen_like)
    fresh = build_classifier("resnet20_cifar", store.class_names, None, **STATISTICS)
    assert torch.equal(result.last_state["conv1.weight"], fresh.net.conv1.weight)
    assert not torch.equal(result.last_state["fc.weight"], fresh.net.fc.weight)


def test_observers_see_every_batch_and_epoch_and_the_end_even_after_an_error(store, cpu):
    class Watcher:
        def __init__(self):
            self.calls = []

        def on_start(self, epochs, batches):
            self.calls.append(("start", epochs, batches))

        def on_batch(self, means):
            self.calls.append("batch")

        def on_epoch(self, record):
            self.calls.append(("epoch", record.epoch))
            if record.epoch == 2:
                raise KeyboardInterrupt

        def on_end(self):
            self.calls.append("end")

    watcher = Watcher()
    with pytest.raises(KeyboardInterrupt):
        train(store, cpu, observers=[watcher])
    assert watcher.calls == [
        ("start", 3, 3), "batch", "batch", "batch", ("epoch", 1), "batch", "batch", "batch",
        ("epoch", 2), "end",
    ]  # fmt: skip


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "constant"])
def test_schedules_stay_between_zero_and_their_peak(schedule):
    factors = [learning_rate_factor(schedule, step / 100) for step in range(101)]
    assert max(factors) == pytest.approx(1)
    assert min(factors) >= 0
    assert schedule == "constant" or factors[-1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_every_optimizer_trains(store, cpu, optimizer):
    recipe = dataclasses.replace(RECIPE, optimizer=optimizer, learning_rate=3e-3, epochs=5)
    _, result = train(store, cpu, recipe, AugmentationPolicy())
    assert result.history[-1].train_loss < 0.9 * result.history[0].train_loss


def test_bf16_trains_to_about_the_same_loss(store, cpu):
    _, full = train(store, cpu)
    _, half = train(store, dataclasses.replace(cpu, precision="bf16"))
    assert half.history[-1].train_loss == pytest.approx(full.history[-1].train_loss, rel=0.25)


def test_a_checkpoint_is_weights_for_another_run(store, cpu):
    _, result = train(store, cpu)
    weights = BackboneWeights(result.best_state, "a checkpoint")
    again = build_classifier("resnet20_cifar", ["x", "y"], weights, **STATISTICS)
    assert torch.equal(again.net.conv1.weight, result.best_state["conv1.weight"])
