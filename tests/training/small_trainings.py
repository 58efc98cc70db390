"""Trainings of two epochs that take milliseconds, and what tells two of them apart."""

import dataclasses

import torch

from graft.compute import Compute
from graft.images.augmentation import policy_from_parameters
from graft.models.classifier import build_classifier
from graft.models.heads import Head
from graft.training.batches import Batches
from graft.training.loop import fit
from graft.training.losses import Loss
from graft.training.moving_parts import MovingParts
from graft.training.optimization import build_optimizer
from graft.training.recipe import TrainingRecipe
from graft.training.schedules import Schedule
from graft.training.step import Step
from graft.training.views import TrainingViews

STATISTICS = {"dataset_mean": (0.4, 0.4, 0.4), "dataset_std": (0.2, 0.2, 0.2)}
RECIPE = TrainingRecipe(epochs=2, batch_size=16, learning_rate=0.02, schedule="constant")


def network(store, backbone="resnet20_cifar"):
    """With dropout in its head: generators matter."""
    size = None if backbone == "resnet20_cifar" else 8
    head = Head(8, 0.3) if backbone == "resnet20_cifar" else None
    return build_classifier(
        backbone, store.class_names, None, **STATISTICS, input_size=size, head=head
    )


def train(store, cpu, recipe=RECIPE, *, model=None, loss=None, mixup=0.0, validate=True, **kwargs):
    model = model or network(store)
    views = TrainingViews(
        Batches(store, "train", recipe.batch_size, cpu),
        policy_from_parameters({"policy": "none", "mixup": mixup, "cutmix": 0.0}),
        0,
        store.num_classes,
    )
    validation = Batches(store, "validation", 64, cpu) if validate else None
    return fit(model, views, validation, recipe, loss or Loss("cross_entropy"), cpu, 0, **kwargs)


def make_step(model, recipe, loss=None, averaged=None):
    """A step by itself, of three an epoch, with the parts that it changes."""
    optimizer, compute = build_optimizer(model, recipe), Compute("cpu", "fp32", 1)
    schedule = Schedule(optimizer, recipe, 3)
    parts = MovingParts(
        model.train(), averaged, optimizer, schedule, compute.grad_scaler(), compute
    )
    return parts, Step(parts, loss or Loss("cross_entropy"), recipe)


def with_several_labels(store):
    """A second colour for each third image, and some images not counted for blue."""
    manifest = store.manifest.copy()
    for row in range(0, len(manifest), 3):
        manifest.loc[row, "label"] += f"|{store.class_names[(store.targets[row] + 1) % 3]}"
    manifest["ignored"] = ["blue" if row % 5 == 0 else "" for row in range(len(manifest))]
    return dataclasses.replace(store, manifest=manifest, multi_label=True)


def assert_same_bits(one, other):
    assert one.best_epoch == other.best_epoch
    for first, second in (
        (one.best_state, other.best_state),
        (one.last_state, other.last_state),
    ):
        assert all(torch.equal(first[name], second[name]) for name in first)
    assert [record.train_loss for record in one.history] == [
        record.train_loss for record in other.history
    ]
