"""The model card says what the weights are and how good they are, and nothing made up."""

import pytest

from graft.models.card import model_card


@pytest.fixture
def checkpoint():
    return {
        "backbone": "basic_cnn",
        "options": {"dilation": 1, "grey": True},
        "parameters": 269_722,
        "mean": [0.5, 0.5, 0.5],
        "std": [0.2, 0.2, 0.2],
        "class_names": ["cat", "dog"],
        "input_size": None,
        "train_images": 1234,
        "train_seconds": 600.0,
        "trained_epochs": 7,
        "epoch": 7,
        "device": "cpu",
        "precision": "bf16",
        "seed": 3,
        "recipe": {"learning_rate": 0.2, "ema_decay": None},
        "augmentation": {
            "policy": [{"random_crop": {"padding": 4}}, "horizontal_flip"],
            "mixup": 0.0,
            "cutmix": 0.0,
        },
    }


def test_the_card_repeats_what_was_measured(checkpoint):
    metrics = {
        "accuracy": {"value": 0.912, "low": 0.905, "high": 0.919},
        "test_images": 999,
        "confidence": 0.95,
        "per_class": {"cat": {"accuracy": 0.8, "low": 0.7, "high": 0.9}},
    }
    card = model_card(checkpoint, metrics, {"source": "cifar10", "image_size": [32, 32]}, "my_run")
    for fact in (
        "91.20 % (90.50 % – 91.90 %), 999 images",
        "1,234 images; ",
        "basic_cnn, dilation 1, grey True, 269,722 parameters",
        "32 × 32 RGB",
        "10 minutes on cpu in bf16",
        "kedro run --pipeline=pretraining -x my_run",
        "learning_rate 0.2",
        "Augmentation: random_crop (padding 4), horizontal_flip. ",
        "| cat | 80.00 % | 70.00 % – 90.00 % |",
    ):
        assert fact in card
    assert "ema_decay" not in card
    assert "mixup" not in card


def test_several_classes_are_judged_by_average_precision(checkpoint):
    of_class = {"average_precision": 0.6, "low": 0.5, "high": 0.7}
    metrics = {
        "mean_average_precision": {"value": 0.412, "low": 0.4, "high": 0.43},
        "test_images": 999,
        "per_class": {"cat": of_class, "dog": dict.fromkeys(of_class)},
    }
    card = model_card(checkpoint, metrics, {"source": "voc2007", "image_size": [32, 32]}, "my_run")
    assert "| test mean average precision | 41.20 % (40.00 % – 43.00 %), 999 images |" in card
    assert "| cat | 60.00 % | 50.00 % – 70.00 % |" in card
    assert "| dog | – | – – – |" in card, "no test image shows one"
