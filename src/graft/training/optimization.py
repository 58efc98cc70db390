"""Optimizers and learning-rate schedules, by name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from graft.errors import GraftError

if TYPE_CHECKING:
    import torch

    from graft.models.classifier import Classifier
    from graft.training.recipe import TrainingRecipe


def build_optimizer(model: Classifier, recipe: TrainingRecipe) -> torch.optim.Optimizer:
    """An optimizer over the trainable parameters, the head's and the backbone's apart.

    Fused kernels throughout: the ordinary step costs a small network up to 40 % of its time.

    Raises:
        GraftError: An unknown optimizer.
    """
    import torch

    groups: list[dict[str, Any]] = [
        {"params": list(model.head.parameters()), "lr": recipe.learning_rate},
        {
            "params": list(model.backbone_parameters()),
            "lr": recipe.learning_rate * recipe.backbone_learning_rate_factor,
        },
    ]
    groups = [group for group in groups if group["params"]]
    decay = recipe.weight_decay
    # torch has no fused optimizers on Apple's devices for every type; the default is right there.
    fused = next(model.parameters()).device.type in ("cpu", "cuda") or None
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            groups,
            momentum=recipe.momentum,
            nesterov=recipe.nesterov and recipe.momentum > 0,
            weight_decay=decay,
            fused=fused,
        )
    if recipe.optimizer == "adam":
        return torch.optim.Adam(groups, weight_decay=decay, fused=fused)
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, weight_decay=decay, fused=fused)
    raise GraftError(f"training.optimizer: '{recipe.optimizer}' is not one of sgd, adam, adamw.")


def build_scheduler(
    optimizer: torch.optim.Optimizer, schedule: str, steps: int
) -> torch.optim.lr_scheduler.LambdaLR:
    """A schedule that is stepped after every batch, `steps` times in all."""
    import torch

    return torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: learning_rate_factor(schedule, step / max(1, steps))
    )


def learning_rate_factor(schedule: str, progress: float) -> float:
    """The learning rate over its peak, at a share `progress` in [0, 1] of the training.

    Raises:
        GraftError: An unknown schedule.
    """
    if schedule == "constant":
        return 1.0
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * progress))
    if schedule == "one_cycle":
        warm_up = 0.25
        if progress < warm_up:
            return 0.04 + 0.96 * progress / warm_up
        return 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up)))
    raise GraftError(f"training.schedule: '{schedule}' is not one of one_cycle, cosine, constant.")
