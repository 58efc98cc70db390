"""A checkpoint builds the classifier again, exactly."""

import json

import pytest
import torch

from graft.images.augmentation import Policy
from graft.models.classifier import build_classifier
from graft.models.heads import Head
from graft.training.checkpoint import (
    Checkpoint,
    in_half_precision,
    make_checkpoint,
    restore_classifier,
)
from graft.training.recipe import TrainingRecipe
from graft.training.session import train_classifier


def _train(store, cpu):
    model = build_classifier(
        "resnet20_cifar",
        store.class_names,
        None,
        dataset_mean=(0.4, 0.5, 0.6),
        dataset_std=(0.2, 0.2, 0.2),
        input_size=16,
    )
    recipe = TrainingRecipe(epochs=1, batch_size=16)
    return model, train_classifier(model, store, recipe, Policy(), cpu, seed=0)


def test_the_restored_classifier_gives_the_same_logits(store, cpu):
    model, trained = _train(store, cpu)
    restored = restore_classifier(trained.last)
    images = torch.rand(4, 3, 8, 8)
    with torch.inference_mode():
        torch.testing.assert_close(restored(images), model.eval()(images))
    assert restored.class_names == store.class_names
    assert restored.input_size == 16


def test_metadata_says_how_it_was_trained(store, cpu):
    _, trained = _train(store, cpu)
    metadata = trained.best.metadata
    assert metadata["train_images"] == 48
    assert metadata["trained_epochs"] == metadata["epoch"] == 1
    assert metadata["recipe"]["batch_size"] == 16
    assert metadata["trainable_parameters"] == metadata["parameters"] > 260_000
    assert list(trained.history.columns)[:3] == ["epoch", "train_loss", "train_accuracy"]


def test_half_precision_halves_the_size_and_changes_little(store, cpu):
    _, trained = _train(store, cpu)
    half = in_half_precision(trained.best)
    assert half.weights["conv1.weight"].dtype == torch.float16
    assert half.weights["bn1.num_batches_tracked"].dtype == torch.int64
    images = torch.rand(4, 3, 8, 8)
    with torch.inference_mode():
        full = restore_classifier(trained.best)(images)
        rounded = restore_classifier(half)(images)
    torch.testing.assert_close(full, rounded, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize(
    ("backbone", "size", "options", "head"),
    [
        ("basic_cnn", 20, {"kernel_sizes": [5, 3], "reduction": "stride"}, None),
        ("fully_connected", 9, {"neurons": [16, 8, 8], "batch_norm": True}, None),
        ("configurable_cnn", 33, {"base_filters": 2, "activation": "gelu"}, Head(12, 0.3)),
        ("resnet20_cifar", None, {}, Head(16)),
    ],
)
def test_a_networks_choices_survive(backbone, size, options, head):
    """Through the JSON that a checkpoint's file keeps them in."""
    model = build_classifier(
        backbone,
        ["a", "b"],
        None,
        dataset_mean=(0.4, 0.5, 0.6),
        dataset_std=(0.2, 0.2, 0.2),
        input_size=size,
        options=options,
        head=head,
    ).eval()
    made = make_checkpoint(model, model.net.state_dict())
    restored = restore_classifier(Checkpoint(made.weights, json.loads(json.dumps(made.metadata))))
    assert restored.options == model.options
    assert restored.head_kind == model.head_kind
    images = torch.rand(2, 3, 33, 33)
    with torch.inference_mode():
        torch.testing.assert_close(restored(images), model(images))
    assert str(restored.net) == str(model.net)
