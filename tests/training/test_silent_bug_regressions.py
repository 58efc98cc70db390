"""Faults that raise no error and cost accuracy or honesty: those that the reports fell into first.

Of report 003: validation images that were augmented, "best" weights that were the last ones, batch
norms of frozen layers that went on learning. Of others: a head put where the network does not look,
one crop for a whole batch, deviations of single images taken for that of the data set
(`tests/images/test_card.py`), test images that decide on something (`tests/pipelines/
test_same_data.py`), accuracies without the one of always answering "no" (`tests/evaluation/`).
"""

import copy
import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from graft.datasets.training_state import StateFolder
from graft.images.augmentation import Policy, policy_from_parameters
from graft.images.augmentation.crops import HorizontalFlip, RandomCrop
from graft.images.conversion import to_float
from graft.models import classifier as classifier_module
from graft.models.classifier import build_classifier
from graft.models.heads import Head
from graft.models.lora import LoRA
from graft.models.weights import BackboneWeights
from graft.training import loop
from graft.training.batches import Batches
from graft.training.checkpoint import restore_classifier
from graft.training.loop import Evaluation, evaluate, fit
from graft.training.losses import Loss
from graft.training.optimization import build_optimizer
from graft.training.recipe import TrainingRecipe
from graft.training.safety import SafetyNet
from graft.training.session import train_classifier
from graft.training.views import TrainingViews

from .killing import Killer, Stop
from .small_networks import FAMILIES, SIZE, small_classifier, small_spec

STATISTICS = {"dataset_mean": (0.4, 0.4, 0.4), "dataset_std": (0.2, 0.2, 0.2)}
RECIPE = TrainingRecipe(epochs=3, batch_size=16, learning_rate=0.05, schedule="constant")
LOSS = Loss("cross_entropy")
AUGMENTED = Policy((RandomCrop(padding=1), HorizontalFlip()))


def network(store, head=None):
    return build_classifier("resnet20_cifar", store.class_names, None, **STATISTICS, head=head)


def train(model, store, cpu, recipe=RECIPE, observers=(), safety=None, policy=AUGMENTED):
    train_batches = Batches(store, "train", recipe.batch_size, cpu)
    views = TrainingViews(train_batches, policy, 0, store.num_classes)
    validation = Batches(store, "validation", 64, cpu)
    return fit(model, views, validation, recipe, LOSS, cpu, 0, observers, safety)


# --- Validation -----------------------------------------------------------------------------------


def test_validation_images_are_never_augmented(store, cpu, monkeypatch):
    """Report 003 augmented them."""
    augmented, validated = [], []

    def augment(policy, images, indices, seed, epoch):
        augmented.extend(indices.tolist())
        return images

    def look(model, inputs):
        validated.append(inputs[0].permute(0, 2, 3, 1).numpy())

    def judge(model, *arguments):
        watching = model.register_forward_pre_hook(look)
        try:
            return evaluate(model, *arguments)
        finally:
            watching.remove()

    monkeypatch.setattr(Policy, "apply", augment)
    monkeypatch.setattr(loop, "evaluate", judge)
    train(network(store), store, cpu)
    assert set(augmented) == set(store.indices("train").tolist())
    assert len(validated) == RECIPE.epochs
    for pixels in validated:
        np.testing.assert_array_equal(pixels, store.images[store.indices("validation")])


def test_the_best_weights_are_a_copy_and_not_the_last_ones(store, cpu, monkeypatch):
    """Report 003 kept an alias of the state dict: its "best" weights were always the last."""
    measured = [(1.0, 0.5), (0.5, 0.9), (2.0, 0.9)]
    validations = iter(Evaluation(loss, accuracy, None) for loss, accuracy in measured)
    monkeypatch.setattr(loop, "evaluate", lambda *_, **__: next(validations))
    after = {}

    class Keeper(Killer):
        def on_epoch(self, record):
            after[record.epoch] = copy.deepcopy(model.net.state_dict())

    model = network(store)
    result = train(model, store, cpu, observers=[Keeper()])
    assert result.best_epoch == 2, "of equal accuracies, the one with the lower loss"
    assert all(torch.equal(value, after[2][key]) for key, value in result.best_state.items())
    assert not torch.equal(result.best_state["fc.weight"], result.last_state["fc.weight"])


@pytest.mark.parametrize("kind", ["plain", "moving average", "low rank"])
def test_what_is_kept_is_what_was_validated(store, cpu, kind, monkeypatch):
    """Weights, statistics, normalisation, classes: nothing is lost on the way to a checkpoint."""
    ema_decay = 0.5 if kind == "moving average" else None
    recipe = dataclasses.replace(RECIPE, ema_decay=ema_decay, learning_rate=0.01)
    model = network(store, Head(8, 0.5))
    if kind == "low rank":
        monkeypatch.setattr("graft.models.backbones.get_backbone", small_spec)
        model = small_classifier("vit_b_16", LoRA(2))
    trained = train_classifier(model, store, recipe, AUGMENTED, cpu, 0)
    for checkpoint in (trained.best, trained.last):
        record = trained.history.iloc[checkpoint.metadata["epoch"] - 1]
        validation = Batches(store, "validation", 64, cpu)
        again = evaluate(restore_classifier(checkpoint), validation, LOSS, cpu)
        assert again.loss == pytest.approx(record["validation_loss"], rel=1e-5)
        assert again.accuracy == record["validation_accuracy"]


def test_evaluation_is_without_dropout_and_leaves_statistics_alone(store, cpu):
    model = network(store, Head(8, 0.5)).train()
    before = copy.deepcopy(model.net.state_dict())
    batches = Batches(store, "validation", 64, cpu)
    first, second = (evaluate(model, batches, LOSS, cpu) for _ in range(2))
    assert first == second
    assert all(torch.equal(before[name], t) for name, t in model.net.state_dict().items())


def test_each_epoch_trains_with_dropout_though_validation_was_without(store, cpu):
    modes = []

    class Looker(Killer):
        def on_batch(self, means):
            modes.append({module.training for module in model.modules()})

    model = network(store, Head(8, 0.5))
    train(model, store, cpu, observers=[Looker()])
    assert modes == 9 * [{True}]


@pytest.mark.parametrize("at_once", [5, 7, 12])
def test_losses_are_means_over_images_not_over_batches(store, cpu, at_once):
    """The last batch is smaller in most loops; its images would count more."""
    model = network(store)
    images = to_float(torch.from_numpy(store.images[store.indices("test")]).permute(0, 3, 1, 2))
    with torch.no_grad():
        logits = model.eval()(images)
    labels = torch.from_numpy(store.labels("test"))
    found = evaluate(model, Batches(store, "test", at_once, cpu), LOSS, cpu)
    assert found.loss == pytest.approx(float(F.cross_entropy(logits, labels)), rel=1e-5)
    assert found.accuracy == pytest.approx(float((logits.argmax(1) == labels).float().mean()))


# --- Frozen layers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("backbone", "strategy", "frozen"),
    [
        ("resnet20_cifar", "first_2", ["stem", "stage1"]),
        ("two_block_cnn", "first_1", ["block1"]),
        ("mobilenet_v3_small", "first_3", None),
        ("squeezenet1_1", "all_except_1", None),
        ("resnet18", "all_except_1", ["stem", "layer1", "layer2", "layer3"]),
        ("vgg11_bn", "first_2", ["stage1", "stage2"]),
        ("vit_b_16", ["layer2"], ["stem", "layer1", "layer3"]),
        ("swin_t", "all_except_last", None),
    ],
)
def test_frozen_stages_keep_their_bits(store, cpu, tmp_path, backbone, strategy, frozen):
    """Weights and statistics, through an interruption; report 003's batch norms drifted."""
    # Weight decay, penalties and averages would move what is frozen if they reached it.
    recipe = TrainingRecipe(
        epochs=1, batch_size=16, learning_rate=0.05, weight_decay=0.1, ema_decay=0.5, l2_sp=0.1
    )

    def fresh_network():
        model = small_classifier(backbone)
        if backbone == "two_block_cnn":
            model.input_size = SIZE
        model.freeze(strategy)
        return model

    def trained(*observers, resume=False):
        model = fresh_network()
        safety = SafetyNet(StateFolder(tmp_path), seconds=0.0, resume=resume)
        train(model, store, cpu, recipe, observers, safety, Policy())
        return model

    with pytest.raises(Stop):
        trained(Killer(1))
    fresh, model = fresh_network(), trained(resume=True)
    stages = {name: list(fresh.stage_parameters(name)) for name in fresh.stage_names()}
    still = [name for name in stages if not stages[name]]
    assert frozen is None or still == frozen
    paths = fresh.spec.stages(fresh.net)
    state = model.net.state_dict()
    for name, tensor in fresh.net.state_dict().items():
        owner = next(
            (s for s in paths if any(f"{name}.".startswith(f"{p}.") for p in paths[s])), ""
        )
        if owner in still:
            assert torch.equal(state[name], tensor), f"{name} of the frozen stage {owner}"
    changed = {
        n for n, tensor in fresh.net.state_dict().items() if not torch.equal(state[n], tensor)
    }
    learning = {name for name, parameter in fresh.net.named_parameters() if parameter.requires_grad}
    assert learning & changed
    assert f"{fresh.spec.head}.weight" in changed


def test_dropout_of_frozen_stages_is_off():
    """Also after `.train()`, which the loop calls in each epoch."""
    model = small_classifier("vgg11_bn")
    model.freeze("all_except_last")
    images = torch.rand(2, 3, SIZE, SIZE)
    model.train()
    assert torch.equal(model(images), model(images))
    model.freeze("none")
    assert not torch.equal(model(images), model(images))


# --- The head -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
def test_the_new_head_is_where_the_network_looks(name, monkeypatch):
    """Set on an attribute that a network does not have, it would never be called, and the old
    1000-way head would be trained in its place."""
    spec = small_spec(name)
    monkeypatch.setattr(classifier_module, "get_backbone", small_spec)
    pretrained = BackboneWeights(spec.build(1000, SIZE).state_dict(), "ImageNet")
    model = build_classifier(
        name, ["red", "green", "blue"], pretrained, **STATISTICS, input_size=SIZE
    )
    assert not [n for n, t in model.net.state_dict().items() if t.ndim and t.shape[0] == 1000]
    called = []
    model.head.register_forward_hook(lambda *_: called.append(True))
    logits = model(torch.rand(2, 3, SIZE, SIZE))
    assert logits.shape == (2, 3)
    assert called == [True]
    logits.square().sum().backward()
    head = list(model.head.parameters())
    assert all(parameter.grad is not None for parameter in head)
    first_group = build_optimizer(model, RECIPE).param_groups[0]
    assert {id(p) for p in first_group["params"]} == {id(p) for p in head}


# --- Augmentation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["flip_crop", "trivial_augment", "rand_augment"])
def test_every_image_has_random_numbers_of_its_own(store, cpu, name):
    """Operations on whole batches easily draw one crop for all; and seeds repeat with epochs."""
    picture = np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    alike = dataclasses.replace(store, images=np.repeat(picture[None], len(store.images), axis=0))
    policy = policy_from_parameters({"policy": name, "mixup": 0.0, "cutmix": 0.0})
    views = TrainingViews(Batches(alike, "train", 48, cpu), policy, 0, 3)
    (first,), (second,) = views.epoch(1), views.epoch(2)
    assert len(first.images.flatten(1).unique(dim=0)) > 24
    by_image = [view.images[view.indices.argsort()] for view in (first, second)]
    same = (by_image[0] == by_image[1]).flatten(1).all(dim=1)
    assert int(same.sum()) < 24


# --- The step -------------------------------------------------------------------------------------


def test_gradients_of_one_batch_do_not_stay_for_the_next(store, cpu):
    """With rates of zero each batch gives the gradients of the first weights."""
    recipe = dataclasses.replace(RECIPE, epochs=1, learning_rate=1e-12, momentum=0.0)
    model, found = network(store), []

    class Looker(Killer):
        def on_batch(self, means):
            found.append(model.net.fc.weight.grad.clone())

    train(model, store, cpu, recipe, [Looker()], policy=Policy())
    expected = network(store).to(memory_format=torch.channels_last).train()
    for batch, gradient in zip(Batches(store, "train", 16, cpu).shuffled(0, 1), found, strict=True):
        expected.zero_grad()
        F.cross_entropy(expected(to_float(batch.images)), batch.labels).backward()
        torch.testing.assert_close(gradient, expected.net.fc.weight.grad, rtol=1e-3, atol=1e-5)


def test_weights_of_the_source_task_are_normalised_as_they_were_there(store):
    """Not as the new images are, though those are at hand."""
    weights = BackboneWeights(
        network(store).net.state_dict(), "elsewhere", (0.5, 0.6, 0.7), (0.1, 0.2, 0.3)
    )
    model = build_classifier("resnet20_cifar", store.class_names, weights, **STATISTICS)
    seen = []
    model.net.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model(torch.full((1, 3, 8, 8), 0.8))
    torch.testing.assert_close(seen[0][0, :, 0, 0], torch.tensor([3.0, 1.0, 1 / 3]))


def test_no_network_ends_in_a_softmax_that_the_loss_takes_again():
    """Gradients would shrink without a word. Those of the report end in one."""
    for name, size in (("first_net", 144), ("fully_connected", SIZE)):
        model = build_classifier(name, ["a", "b", "c"], None, **STATISTICS, input_size=size)
        assert not [m for m in model.net.modules() if isinstance(m, nn.Softmax | nn.LogSoftmax)]
        nn.init.constant_(model.head.bias, 3.0)
        with torch.inference_mode():
            assert float(model.eval()(torch.rand(1, 3, size, size)).sum()) > 1.5
