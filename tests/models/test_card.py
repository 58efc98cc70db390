"""The model card says what the weights are and how good they are, and nothing made up."""

from graft.models.card import model_card


def test_the_card_repeats_what_was_measured():
    checkpoint = {
        "backbone": "resnet20_cifar",
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
        "augmentation": {"crop_padding": 4, "rotation": 0.0},
    }
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
        "32 × 32 RGB",
        "10 minutes on cpu in bf16",
        "kedro run --pipeline=pretraining -x my_run",
        "learning_rate 0.2",
        "crop_padding 4",
        "| cat | 80.00 % | 70.00 % – 90.00 % |",
    ):
        assert fact in card
    assert "ema_decay" not in card
    assert "rotation" not in card
