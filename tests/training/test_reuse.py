"""Training on activations that are computed once gives what the training that they save gives."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from graft.compute import Compute
from graft.datasets.training_state import StateFolder
from graft.errors import GraftError
from graft.images.augmentation import policy_from_parameters
from graft.models.classifier import build_classifier
from graft.models.heads import Head
from graft.models.splitting import split
from graft.training import reuse as reuse_module
from graft.training.batches import Batches
from graft.training.checkpoint import restore_classifier
from graft.training.recipe import TrainingRecipe
from graft.training.reuse import reuse_features
from graft.training.session import train_classifier

from .test_resume import Killer, Stop, assert_same

STATISTICS = {"dataset_mean": (0.4, 0.4, 0.4), "dataset_std": (0.2, 0.2, 0.2)}
RECIPE = TrainingRecipe(epochs=4, batch_size=10, learning_rate=0.02)
REUSED = "is computed once"


def policy(name="none", mixup=0.0):
    return policy_from_parameters({"policy": name, "mixup": mixup, "cutmix": 0.0})


def build(store, backbone="resnet20_cifar", freezing="all_except_last", **chosen):
    size = 32 if backbone != "resnet20_cifar" else None
    model = build_classifier(
        backbone, store.class_names, None, **STATISTICS, input_size=size, **chosen
    )
    model.freeze(freezing)
    return model


def train(store, cpu, recipe=RECIPE, augmented=None, folder=None, observers=(), **chosen):
    reuse = chosen.pop("reuse", True)
    return train_classifier(
        build(store, **chosen),
        store,
        recipe,
        augmented or policy(),
        cpu,
        0,
        observers=observers,
        keeper=StateFolder(folder) if folder else None,
        reuse=reuse,
    )


def changed(**changes):
    return dataclasses.replace(RECIPE, **changes)


def assert_close(reused, ordinary):
    """The same training, as far as rounding goes."""
    for one, other in ((reused.best, ordinary.best), (reused.last, ordinary.last)):
        assert list(one.weights) == list(other.weights)
        for name, tensor in other.weights.items():
            torch.testing.assert_close(one.weights[name], tensor, rtol=1e-4, atol=1e-5)
        assert one.metadata["best_epoch"] == other.metadata["best_epoch"]
    assert len(reused.history) == len(ordinary.history)
    columns = [c for c in ordinary.history if "second" not in c]
    np.testing.assert_allclose(
        reused.history[columns].astype(float),
        ordinary.history[columns].astype(float),
        rtol=1e-4,
        atol=1e-5,
    )


def several(store):
    """Red and blue images also show what comes next; one answer is not known."""
    labels = [f"{name}|blue" if name != "blue" else "" for name in store.manifest["label"]]
    ignored = [""] * len(labels)
    ignored[2] = "red"
    manifest = store.manifest.assign(label=labels, ignored=ignored)
    return dataclasses.replace(store, manifest=manifest, multi_label=True)


@pytest.mark.parametrize(
    "recipe",
    [
        RECIPE,
        changed(optimizer="adamw", learning_rate=0.01, schedule="cosine", label_smoothing=0.1),
        changed(ema_decay=0.8),
        changed(epochs=12, learning_rate=1e-12, early_stopping_patience=2),
        changed(sampling="balanced"),
        changed(class_weights="balanced", loss="focal"),
    ],
    ids=["sgd", "adamw", "moving average", "early stopping", "balanced", "weighted"],
)
def test_the_same_comes_of_it(store, cpu, caplog, recipe):
    ordinary = train(store, cpu, recipe, reuse=False)
    with caplog.at_level("INFO"):
        reused = train(store, cpu, recipe)
    assert REUSED in caplog.text
    assert_close(reused, ordinary)
    assert reused.best.metadata["reused_features"] is True
    assert ordinary.best.metadata["reused_features"] is False


def test_the_same_comes_of_a_head_with_a_block(store, cpu):
    chosen = {"head": Head(8, 0.3)}
    assert_close(train(store, cpu, **chosen), train(store, cpu, reuse=False, **chosen))


@pytest.mark.parametrize("backbone", ["mobilenet_v2", "squeezenet1_1", "shufflenet_v2_x0_5"])
def test_the_same_comes_of_other_networks(store, cpu, caplog, backbone):
    """Of MobileNetV2, too, whose features pass dropout on their way to the head in training."""
    recipe = changed(epochs=2)
    with caplog.at_level("INFO"):
        reused = train(store, cpu, recipe, backbone=backbone)
    assert REUSED in caplog.text
    assert_close(reused, train(store, cpu, recipe, backbone=backbone, reuse=False))


@pytest.mark.parametrize(
    ("chosen", "recipe"),
    [
        ({"freezing": "first_2"}, RECIPE),
        ({"freezing": "all_except_1"}, changed(ema_decay=0.8)),
        ({"freezing": "all_except_1"}, changed(backbone_learning_rate_factor=0.3)),
        ({"freezing": ["stage2"]}, changed(stage_learning_rates={"stage2": 0.5})),
        ({"freezing": "all_except_1", "backbone": "shufflenet_v2_x0_5"}, changed(epochs=1)),
    ],
    ids=["first_2", "moving average", "two rates", "a stage in the middle", "shufflenet"],
)
def test_the_same_comes_of_the_last_stages(store, cpu, caplog, chosen, recipe):
    """Their batch norms learn statistics; those of a frozen stage behind them do not."""
    ordinary = train(store, cpu, recipe, reuse=False, **chosen)
    with caplog.at_level("INFO"):
        reused = train(store, cpu, recipe, **chosen)
    assert REUSED in caplog.text
    assert_close(reused, ordinary)


def test_the_same_comes_of_several_labels(store, cpu, caplog):
    task = several(store)
    with caplog.at_level("INFO"):
        reused = train(task, cpu)
    assert REUSED in caplog.text
    assert_close(reused, train(task, cpu, reuse=False))


def test_the_same_comes_without_validation_images(store, cpu):
    manifest = store.manifest.replace({"split": {"validation": "unused"}})
    task = dataclasses.replace(store, manifest=manifest)
    assert_close(train(task, cpu), train(task, cpu, reuse=False))


def test_as_many_views_as_epochs_are_those_of_the_epochs(store, cpu, caplog):
    recipe, augmented = changed(cached_views=4), policy("digits")
    with caplog.at_level("INFO"):
        reused = train(store, cpu, recipe, augmented)
    assert "training.cached_views is 4: what that gives " + REUSED in caplog.text
    assert_close(reused, train(store, cpu, recipe, augmented, reuse=False))


def test_views_take_turns(store, cpu):
    model, augmented = build(store), policy("digits")
    given = reuse_features(model, store, changed(cached_views=3), augmented, cpu, seed=7)
    images = Batches(store, "train", 48, cpu)
    (batch,) = images.in_order()

    def shown(epoch):
        views = list(given.views.epoch(epoch))
        order = torch.cat([view.indices for view in views]).argsort()
        return torch.cat([view.images for view in views])[order]

    for epoch, turn in ((1, 1), (2, 2), (3, 3), (4, 1), (9, 3)):
        view = augmented.apply(batch.images, batch.indices, 7, turn)
        with torch.inference_mode():
            expected = split(model, view).frozen.eval()(view)
        torch.testing.assert_close(shown(epoch), expected, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(shown(1), shown(2), atol=1e-3)


def test_repetitions_within_an_epoch_get_other_views(store, cpu):
    recipe = changed(cached_views=4, sampling="balanced")
    given = reuse_features(build(store), store, recipe, policy("digits"), cpu, seed=0)
    views = list(given.views.epoch(1))
    indices = torch.cat([view.indices for view in views])
    features = torch.cat([view.images for view in views])
    repeated = indices.bincount().argmax()
    seen = features[indices == repeated]
    assert len(seen) > 1
    assert len(seen.unique(dim=0)) == min(4, len(seen))


@pytest.mark.parametrize(
    ("optimizer", "killed_after", "freezing"),
    [("sgd", 1, "all_except_last"), ("adam", 5, "all_except_1"), ("sgd", 12, "all_except_1")],
)
def test_it_goes_on_to_the_same_bits(store, cpu, tmp_path, optimizer, killed_after, freezing):
    recipe = changed(
        optimizer=optimizer, ema_decay=0.9, cached_views=2, checkpoint_seconds=0.0, resume="auto"
    )
    chosen = {"augmented": policy("digits"), "head": Head(8, 0.3), "freezing": freezing}
    whole = train(store, cpu, recipe, **chosen)
    with pytest.raises(Stop):
        train(store, cpu, recipe, folder=tmp_path, observers=[Killer(killed_after)], **chosen)
    assert_same(whole, train(store, cpu, recipe, folder=tmp_path, **chosen))


def test_the_two_ways_do_not_go_on_with_each_other(store, cpu, tmp_path):
    recipe = changed(checkpoint_seconds=0.0, resume="auto")
    with pytest.raises(Stop):
        train(store, cpu, recipe, folder=tmp_path, observers=[Killer(3)])
    with pytest.raises(GraftError, match="reused_features: True then, False now"):
        train(store, cpu, recipe, folder=tmp_path, reuse=False)


def test_the_checkpoint_is_a_whole_classifier(store, cpu):
    reused = train(store, cpu)
    images = torch.from_numpy(store.images[60:]).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        logits = restore_classifier(reused.best)(images)
    assert logits.shape == (12, 3)
    fresh = build(store).net.state_dict()
    moved = [k for k, tensor in reused.best.weights.items() if not torch.equal(tensor, fresh[k])]
    assert moved == ["fc.weight", "fc.bias"]


def functional_dropout(model):
    stage = model.net.stage1.forward
    model.net.stage1.forward = lambda x: nn.functional.dropout(stage(x), 0.5, model.net.training)


@pytest.mark.parametrize("freezing", ["all_except_last", "all_except_1"])
def test_no_network_is_reused_that_does_otherwise_in_training(store, cpu, caplog, freezing):
    model = build(store, freezing=freezing)
    functional_dropout(model)
    before = {name: tensor.clone() for name, tensor in model.net.state_dict().items()}
    with caplog.at_level("INFO"):
        assert reuse_features(model, store, RECIPE, policy(), cpu, 0) is None
    assert "random in training" in caplog.text
    for name, tensor in model.net.state_dict().items():
        assert torch.equal(tensor, before[name])


@pytest.mark.parametrize(
    ("chosen", "recipe", "augmented", "why"),
    [
        ({"freezing": "none"}, changed(cached_views=2), policy(), "cached_views has no effect"),
        ({"freezing": ["stem", "stage3"]}, RECIPE, policy(), "first layers are trained"),
        ({"freezing": "first_1"}, RECIPE, policy(), "up to bn1 is 0% of a step's work"),
        ({}, changed(unfreezing={2: "none"}), policy(), "training.unfreezing"),
        ({}, RECIPE, policy("digits"), "augmented anew in each epoch"),
        ({}, changed(cached_views=2), policy("digits", 0.2), "MixUp and CutMix"),
        ({}, changed(epochs=0), policy(), "nothing is trained"),
    ],
)
def test_the_log_says_why_not(store, cpu, caplog, chosen, recipe, augmented, why):
    with caplog.at_level("INFO"):
        assert reuse_features(build(store, **chosen), store, recipe, augmented, cpu, 0) is None
    assert why in caplog.text


def test_features_larger_than_the_memory_are_not_held(store, cpu, caplog, monkeypatch):
    needed = (48 + 12) * 16 * 8 * 8 * 4
    given = {"freezing": "first_2"}
    monkeypatch.setattr(reuse_module, "free_memory", lambda _: 2 * needed)
    assert reuse_features(build(store, **given), store, RECIPE, policy(), cpu, 0) is not None
    monkeypatch.setattr(reuse_module, "free_memory", lambda _: 2 * needed - 2)
    with caplog.at_level("INFO"):
        assert reuse_features(build(store, **given), store, RECIPE, policy(), cpu, 0) is None
    assert "more than half of the memory that is free" in caplog.text


def test_dropout_before_the_head_goes_on(store, cpu):
    """It belongs to the training of the head, not to the backbone."""
    given = reuse_features(
        build(store, backbone="mobilenet_v2"), store, RECIPE, policy(), cpu, seed=0
    )
    (dropout,) = (part for part in given.model.modules() if isinstance(part, nn.Dropout))
    given.model.train()
    assert dropout.training


def test_in_half_precision_features_stay_as_they_come(store):
    """As autocast gives them, so that the head sees what it would see behind the backbone."""
    compute = Compute("cpu", "bf16", 1)
    given = reuse_features(build(store), store, RECIPE, policy(), compute, seed=0)
    assert next(given.views.epoch(1)).images.dtype == torch.bfloat16
    reused, ordinary = (train(store, compute, reuse=reuse) for reuse in (True, False))
    for name, tensor in ordinary.last.weights.items():
        torch.testing.assert_close(reused.last.weights[name], tensor, rtol=0.02, atol=0.02)
