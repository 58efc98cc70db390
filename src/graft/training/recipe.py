"""The constants of a training run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingRecipe:
    """How a network is trained.

    Attributes:
        epochs: Passes over the training images; 0 leaves the network as it is.
        batch_size: Images a step. Batches are made as equal as possible, so none is tiny.
        optimizer: "sgd", "adam" or "adamw".
        learning_rate: Of the head, at the schedule's peak.
        backbone_learning_rate_factor: The backbone's learning rate over the head's.
        momentum: Of SGD.
        nesterov: Whether SGD looks ahead.
        weight_decay: L2 penalty (decoupled in adamw).
        schedule: "one_cycle" (linear warm-up over a quarter, cosine to zero; Smith 2018),
            "cosine" or "constant".
        label_smoothing: Share of the target spread over all classes.
        early_stopping_patience: Epochs without a better validation accuracy, or None.
        ema_decay: Of an exponential moving average of the weights a step, which is then what is
            validated and kept; or None.
    """

    epochs: int = 10
    batch_size: int = 64
    optimizer: str = "sgd"
    learning_rate: float = 0.05
    backbone_learning_rate_factor: float = 1.0
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 5e-4
    schedule: str = "one_cycle"
    label_smoothing: float = 0.0
    early_stopping_patience: int | None = None
    ema_decay: float | None = None
