"""The loop: exact, repeatable, and doing what the recipe says."""

import dataclasses

import pytest
import torch

from graft.errors import GraftError
from graft.images.augmentation import Policy
from graft.images.augmentation.crops import HorizontalFlip, RandomCrop
from graft.models.classifier import build_classifier
from graft.models.weights import BackboneWeights
from graft.training.batches import Batches
from graft.training.checkpoint import restore_classifier
from graft.training.loop import evaluate, fit
from graft.training.losses import Loss
from graft.training.recipe import TrainingRecipe
from graft.training.session import train_classifier
from graft.training.views import TrainingViews

RECIPE = TrainingRecipe(epochs=3, batch_size=16, learning_rate=0.05, schedule="constant")
LOSS = Loss("cross_entropy")
STATISTICS = {"dataset_mean": (0.4, 0.4, 0.4), "dataset_std": (0.2, 0.2, 0.2)}


def train(
    store, cpu, recipe=RECIPE, policy=None, seed=0, observers=(), validate=True, freeze="none"
):
    model = build_classifier("resnet20_cifar", store.class_names, None, **STATISTICS, seed=seed)
    model.freeze(freeze)
    validation = Batches(store, "validation", 64, cpu) if validate else None
    batches = Batches(store, "train", recipe.batch_size, cpu)
    policy = policy or Policy((RandomCrop(padding=1), HorizontalFlip()))
    views = TrainingViews(batches, policy, seed, store.num_classes)
    loss = Loss("binary_cross_entropy", multi_label=True) if store.multi_label else LOSS
    return model, fit(model, views, validation, recipe, loss, cpu, seed, observers)


def test_a_seed_gives_the_same_weights_to_the_bit(store, cpu):
    _, first = train(store, cpu)
    _, second = train(store, cpu)
    _, other = train(store, cpu, seed=1)
    assert all(torch.equal(v, second.last_state[k]) for k, v in first.last_state.items())
    assert not torch.equal(first.last_state["fc.weight"], other.last_state["fc.weight"])


def test_it_is_plain_sgd(store, cpu):
    """The loop's weights equal those of the textbook's five lines."""
    recipe = dataclasses.replace(RECIPE, epochs=2, batch_norm_statistics="running")
    recipe = dataclasses.replace(recipe, batch_norm_statistics="running")
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
    _, result = train(store, cpu, recipe, Policy())
    for key, value in model.net.state_dict().items():
        torch.testing.assert_close(result.last_state[key], value, rtol=2e-4, atol=2e-5)


class Losses:
    """Writes down the running mean of the loss after each batch."""

    def __init__(self):
        self.means = []

    def on_start(self, epochs, batches): ...
    def on_resume(self, history, batches): ...
    def on_epoch(self, record): ...
    def on_end(self): ...

    def on_batch(self, means):
        self.means.append(means.read()[0])


@pytest.mark.parametrize(
    ("optimizer", "known"),
    [
        ("sgd", [1.26854, 1.09979, 1.07654, 0.58094, 0.63638, 0.61645]),
        ("adamw", [1.26854, 1.05901, 1.47691, 0.15671, 0.53869, 0.43156]),
    ],
)
def test_the_first_losses_are_the_known_ones(store, cpu, optimizer, known):
    """What changes them changes every result: the order of images, initial weights, a step."""
    recipe = dataclasses.replace(RECIPE, epochs=2, optimizer=optimizer, learning_rate=0.01)
    losses = Losses()
    train(store, cpu, recipe, Policy(), observers=[losses])
    assert losses.means == pytest.approx(known, rel=0.01)


def test_it_learns(store, cpu):
    recipe = dataclasses.replace(RECIPE, epochs=8)
    model, result = train(store, cpu, recipe, Policy())
    assert result.history[-1].train_loss < 0.5 * result.history[0].train_loss
    assert evaluate(model, Batches(store, "test", 64, cpu), LOSS, cpu).accuracy > 0.8


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

        def on_resume(self, history, batches):
            assert (list(history), batches) == ([], 0)

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


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_every_optimizer_trains(store, cpu, optimizer):
    recipe = dataclasses.replace(RECIPE, optimizer=optimizer, learning_rate=3e-3, epochs=5)
    _, result = train(store, cpu, recipe, Policy())
    assert result.history[-1].train_loss < 0.9 * result.history[0].train_loss


def test_bf16_trains_to_about_the_same_loss(store, cpu):
    """In the first steps: at this learning rate, rounding decides on all that comes later."""
    recipe = dataclasses.replace(RECIPE, epochs=1)
    _, full = train(store, cpu, recipe)
    _, half = train(store, dataclasses.replace(cpu, precision="bf16"), recipe)
    assert half.history[0].train_loss == pytest.approx(full.history[0].train_loss, rel=0.1)


def test_a_checkpoint_is_weights_for_another_run(store, cpu):
    _, result = train(store, cpu)
    weights = BackboneWeights(result.best_state, "a checkpoint")
    again = build_classifier("resnet20_cifar", ["x", "y"], weights, **STATISTICS)
    assert torch.equal(again.net.conv1.weight, result.best_state["conv1.weight"])


# --- Several labels, mixed images, rare classes ---------------------------------------------------


def with_several_labels(store):
    """Red, and often a second colour with it; some images are not counted for blue."""
    manifest = store.manifest.copy()
    images = store.images.copy()
    for row in range(0, len(manifest), 4):
        other = store.class_names[(store.targets[row] + 1) % 3]
        images[row, :, :, (store.targets[row] + 1) % 3] += 60
        manifest.loc[row, "label"] += f"|{other}"
    manifest["ignored"] = ["blue" if row % 7 == 0 else "" for row in range(len(manifest))]
    return dataclasses.replace(store, images=images, manifest=manifest, multi_label=True)


def test_several_labels_are_learnt_and_the_best_epoch_is_that_of_mean_average_precision(store, cpu):
    recipe = dataclasses.replace(RECIPE, epochs=8)
    several = with_several_labels(store)
    model, result = train(several, cpu, recipe, Policy())
    assert result.history[-1].train_loss < 0.7 * result.history[0].train_loss
    precisions = [record.validation_mean_average_precision for record in result.history]
    losses = [record.validation_loss for record in result.history]
    ranks = list(zip(precisions, [-loss for loss in losses], strict=True))
    assert result.best_epoch == 1 + max(range(8), key=ranks.__getitem__)
    loss = Loss("binary_cross_entropy", multi_label=True)
    measured = evaluate(model, Batches(several, "test", 5, cpu), loss, cpu)
    assert measured.mean_average_precision > 0.8
    assert measured.loss == pytest.approx(
        evaluate(model, Batches(several, "test", 12, cpu), loss, cpu).loss, rel=0.05
    )


@pytest.mark.parametrize("policy", [Policy(mixup=0.4), Policy(cutmix=1.0)])
@pytest.mark.parametrize("several", [False, True])
def test_mixed_images_are_learnt(store, cpu, policy, several):
    chosen = with_several_labels(store) if several else store
    recipe = dataclasses.replace(RECIPE, epochs=6)
    _, result = train(chosen, cpu, recipe, policy)
    assert result.history[-1].train_loss < result.history[0].train_loss
    assert 0 < result.history[-1].train_accuracy <= 1


@pytest.mark.parametrize("remedy", [{"class_weights": "balanced"}, {"sampling": "balanced"}])
def test_a_rare_class_is_found_more_often_when_it_is_balanced(store, cpu, remedy):
    """Of 48 training images four are blue, and colours are hard to tell apart at first."""
    splits = store.manifest["split"].copy()
    blue = store.indices("train")[store.labels("train") == 2]
    splits[blue[4:]] = "unused"
    rare = dataclasses.replace(store, manifest=store.manifest.assign(split=splits))
    recipe = dataclasses.replace(RECIPE, epochs=5, learning_rate=0.01)

    def recall(**remedy):
        model = build_classifier("resnet20_cifar", store.class_names, None, **STATISTICS)
        trained = train_classifier(
            model, rare, dataclasses.replace(recipe, **remedy), Policy(), cpu, seed=0
        )
        model = restore_classifier(trained.last)
        batch = next(Batches(rare, "test", 12, cpu).in_order())
        with torch.no_grad():
            probability = model(batch.images).softmax(dim=1)[:, 2]
        return float(probability.mean())

    assert recall(**remedy) > 1.2 * recall()
